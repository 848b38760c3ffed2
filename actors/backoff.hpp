// Decides how long to wait before retrying after a failure: hardly at all at first, longer and longer while it fails in
// the same way. An occasional failure is an accident; the same one over and over is a state.
#pragma once

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdint>
#include <string>

namespace vault {

class Backoff {
 public:
  using Clock = std::chrono::steady_clock;
  Backoff(std::chrono::milliseconds first, std::chrono::milliseconds most) : first_(first), most_(most) {}

  // Counts a failure and returns how long to wait: `first`, doubled for each failure that equals the last one and is
  // not long after it (4 times `most`), at most `most`. `failure` is an identifier, not a text for people.
  std::chrono::milliseconds next(const std::string& failure, Clock::time_point now) {
    const bool again = count_ > 0 && failure == failure_ && now - last_ < 4 * most_;
    count_ = again ? count_ + 1 : 1;
    failure_ = failure;
    last_ = now;
    const unsigned doublings = static_cast<unsigned>(std::min<std::uint64_t>(count_ - 1, 20));
    return std::min(first_ * (std::int64_t{1} << doublings), most_);
  }
  // Call after success.
  void reset() { count_ = 0; }

  std::uint64_t count() const { return count_; }  // consecutive occurrences of the last failure
  // True for only a few of many consecutive failures: the 1st, 2nd, 4th, 8th ...
  bool worth_a_word() const { return std::has_single_bit(count_); }
  // True if it has worked for long enough to count as over.
  bool over(Clock::time_point now) const { return count_ > 0 && now - last_ >= 4 * most_; }

 private:
  std::chrono::milliseconds first_, most_;
  std::string failure_;
  std::uint64_t count_ = 0;
  Clock::time_point last_{};
};

}  // namespace vault
