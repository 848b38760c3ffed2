// How much the auditor verifies, and when: at the rate that was set, but never slower than twice the ledger's growth,
// or no round would ever end; and in short steps, whatever the rows weigh.
//
// The growth is that of the last hour, each moment counting less the longer it is ago. So a burst costs the seals in it
// nothing and is caught up with, twice over, while the hour fades; a flood that does not end raises the rate until it
// is twice as fast.
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

  // The ledger has `head` entries now.
  void saw_head(std::int64_t head, Time now);
  // Rows that may be verified now. What is not verified may be later, up to a second's worth; where the ledger's growth
  // sets the rate, up to ten.
  std::int64_t allowed() const { return static_cast<std::int64_t>(credit_); }
  // So many were, in this time. Half of the time at most is spent verifying.
  void verified(std::int64_t rows, std::chrono::milliseconds took);
  // Until the next step.
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
