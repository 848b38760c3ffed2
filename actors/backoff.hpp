// How long to wait before what has failed is tried again: hardly at all at first, longer and longer while it fails in
// the same way. One failure in a while is an accident, the same one over and over is a state.
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

  // Counts a failure and tells how long to wait: `first`, doubled each time that it is the same as the last one and not
  // long ago (4 times `most`), at most `most`. `failure` names it by what it is, not by its words.
  std::chrono::milliseconds next(const std::string& failure, Clock::time_point now) {
    const bool again = count_ > 0 && failure == failure_ && now - last_ < 4 * most_;
    count_ = again ? count_ + 1 : 1;
    failure_ = failure;
    last_ = now;
    const unsigned doublings = static_cast<unsigned>(std::min<std::uint64_t>(count_ - 1, 20));
    return std::min(first_ * (std::int64_t{1} << doublings), most_);
  }
  // It works.
  void reset() { count_ = 0; }

  std::uint64_t count() const { return count_; }  // of the last failure, in a row
  // True for few of very many in a row: the 1st, 2nd, 4th, 8th ...
  bool worth_a_word() const { return std::has_single_bit(count_); }
  // True if it has gone well for long enough to be over.
  bool over(Clock::time_point now) const { return count_ > 0 && now - last_ >= 4 * most_; }

 private:
  std::chrono::milliseconds first_, most_;
  std::string failure_;
  std::uint64_t count_ = 0;
  Clock::time_point last_{};
};

}  // namespace vault
