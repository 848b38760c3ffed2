// Decides whether this machine's clock may be used for sealing. One jump forward would pin every later timestamp to it,
// since no entry is older than the previous one. So the clock must agree with the database's; and since the two may be
// one clock (the same machine, or one wrong time source), they must not both have leapt forward relative to elapsed
// time. A leap of one of them that makes them agree is a correction.
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

  // How long a clock that has leapt must run evenly before it is believed: by then, somebody has corrected a wrong
  // clock, or nobody is there who could.
  static constexpr std::chrono::minutes patience{5};

  // `bound`: largest difference, and largest leap.
  explicit ClockGuard(std::chrono::milliseconds bound) : bound_(bound) {}

  // Readings of the clocks at `at`: ours several times a second, the database's whenever it is reported.
  void saw_own(Timestamp now, Instant at) { own_.saw({now, at}, bound_.count()); }
  void saw_database(Timestamp now, Instant at);

  // Why our clock, which shows `now` at `at`, must not be used; nullopt: it may.
  std::optional<std::string> distrust(Timestamp now, Instant at);

 private:
  struct Reading {
    Timestamp clock;
    Instant at;
    // By how many microseconds `later` is ahead of what this reading leads to expect.
    std::int64_t ahead(const Reading& later) const;
  };
  // The course of one clock. Small steps and a slightly fast clock are followed; a step back does no harm, since
  // timestamps then wait.
  struct Course {
    std::optional<Reading> believed;  // the reading furthest ahead
    std::optional<Reading> leap;      // the first one after a leap forward that is not believed yet
    void saw(const Reading& reading, std::int64_t bound);
    void believe(const Reading& reading);
  };

  std::chrono::microseconds bound_;
  std::optional<Reading> database_now_;
  Course own_, database_;
};

}  // namespace vault
