// Logs slow requests: seldom enough that an outage does not fill the log, with a count of the rest.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "actors/message.hpp"

namespace vault {

class SlowLog {
 public:
  using Instant = std::chrono::steady_clock::time_point;

  explicit SlowLog(std::chrono::milliseconds limit) : limit_(limit) {}  // 0: off
  void set_limit(std::chrono::milliseconds limit) { limit_ = limit; }
  bool is_on() const { return limit_.count() > 0; }

  // A request that arrived at `since` is answered `now`. True if that was slow.
  bool note(const RequestId& id, std::string_view op, Ticket ticket, Instant since, Instant now);

 private:
  std::chrono::milliseconds limit_;
  std::optional<Instant> told_at_;
  std::int64_t unsaid_ = 0;
};

}  // namespace vault
