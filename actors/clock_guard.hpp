// Whether this machine's clock may be sealed by. One jump forward would pin every later timestamp to it, since no entry
// is older than the one before. So the clock must agree with the database's; and since the two may be one clock (one
// machine, or one source of time that is wrong), they must not both have leapt forward against the time that has
// passed. A leap of one of them that makes them agree is a correction.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "ledger/timestamp.hpp"

namespace vault {

class ClockGuard {
 public:
  using Instant = std::chrono::steady_clock::time_point;

  // So long a clock that has leapt must go on evenly before it is believed: a wrong one is put right before, or nobody
  // who could is there.
  static constexpr std::chrono::minutes patience{5};

  // `bound`: of a difference, and of a leap.
  explicit ClockGuard(std::chrono::milliseconds bound) : bound_(bound) {}

  // What the clocks said at `at`: ours several times a second, the database's whenever it is heard of.
  void saw_own(Timestamp now, Instant at) { own_.saw({now, at}, bound_.count()); }
  void saw_database(Timestamp now, Instant at);

  // Why our clock, which says `now` at `at`, must not be used; nullopt: it may.
  std::optional<std::string> distrust(Timestamp now, Instant at);

 private:
  struct Reading {
    Timestamp clock;
    Instant at;
    // By how many microseconds `later` is ahead of what this one leads to expect.
    std::int64_t ahead(const Reading& later) const;
  };
  // How one clock goes. Small steps, and a little too fast, are followed; a step back does no harm, since timestamps
  // then wait.
  struct Course {
    std::optional<Reading> believed;  // the furthest ahead
    std::optional<Reading> leap;      // the first one after a leap forward that is not believed yet
    void saw(const Reading& reading, std::int64_t bound);
    void believe(const Reading& reading);
  };

  std::chrono::microseconds bound_;
  std::optional<Reading> database_now_;
  Course own_, database_;
};

}  // namespace vault
