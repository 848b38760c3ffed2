// Decides when the log says again that alerts stand: a minute after the first was raised, then at twice the interval
// each time, up to ten minutes.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

namespace vault {

class AlertReminder {
 public:
  using Instant = std::chrono::steady_clock::time_point;

  // To be asked about once a second. True if the log should say it now; the next time is later.
  bool due(bool any_raised, Instant now) {
    if (!any_raised) {
      at_.reset();
      return false;
    }
    if (!at_) {
      interval_ = first_interval;
      at_ = now + interval_;
      return false;
    }
    if (now < *at_) return false;
    interval_ = std::min(2 * interval_, last_interval);
    at_ = now + interval_;
    return true;
  }

 private:
  static constexpr std::chrono::minutes first_interval{1}, last_interval{10};
  std::chrono::minutes interval_{};
  std::optional<Instant> at_;  // nullopt: nothing is raised
};

}  // namespace vault
