// Decides how much the auditor verifies, and when: at the configured rate, but never slower than twice the ledger's
// growth, or no round would ever end; and in short steps, however large the rows are.
//
// Growth is measured over the last hour, with older moments weighing less. So a burst does not slow down the seals in
// it, and is caught up with, at twice its rate, as the hour fades; sustained load raises the rate until it is twice the
// load.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace vault {

class AuditPace {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // A step ends after this many bytes of payload or this much time, whatever was allowed.
  static constexpr std::size_t step_bytes_max = std::size_t{32} << 20;
  static constexpr std::chrono::milliseconds step_time_max{250};
  static constexpr std::chrono::duration<double> growth_memory{3'600};

  explicit AuditPace(std::size_t rows_per_second) : rate_set_(static_cast<double>(rows_per_second)) {}

  // Reports that the ledger now has `head` entries.
  void saw_head(std::int64_t head, Time now);
  // Rows that may be verified now. Unused credit is kept, up to a second's worth, or up to ten seconds' worth if the
  // ledger's growth sets the rate.
  std::int64_t allowed() const { return static_cast<std::int64_t>(credit_); }
  // Reports that this many rows were verified in this time. At most half of the time is spent verifying.
  void verified(std::int64_t rows, std::chrono::milliseconds took);
  // Time until the next step.
  std::chrono::milliseconds pause() const;

 private:
  bool growing() const { return 2 * growth_ > rate_set_; }
  double rate() const { return growing() ? 2 * growth_ : rate_set_; }

  double rate_set_;    // rows a second
  double growth_ = 0;  // entries a second
  double credit_ = 0;  // rows
  std::int64_t head_ = -1;
  Time seen_at_{};
  std::chrono::milliseconds took_{0};
};

}  // namespace vault
