// Tracks which reader is free, which has lost its database, and when to probe one.
//
// Readers connect when they get work, and close connections that have been idle for a while, so that an idle vaultd
// holds few of them. Even so, a lost database is noticed within a second: as long as no reader has lost it, one of them
// is probed whenever nobody has used the database for that long (the auditor does so anyway); once one has, all are
// probed.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace vault {

class ReaderPool {
 public:
  using Instant = std::chrono::steady_clock::time_point;
  // A reader that does not answer for this long counts as lost: a server behind an unplugged cable answers nobody.
  static constexpr std::chrono::seconds silence_max{10};
  // Interval at which one reader is probed if nobody else uses the database, or all of them if one has lost it.
  static constexpr std::chrono::milliseconds probe_interval{1'000};
  // How long a report by the auditor counts: it sends one about once a second.
  static constexpr std::chrono::milliseconds seen_interval{2'000};
  // Interval at which a lost reader is probed while a query waits. A reader that is refused reports so at once; one
  // that does not answer is not waited for.
  static constexpr std::chrono::milliseconds wanted_interval{50};
  static constexpr std::chrono::milliseconds probe_patience{200};

  // `probes`: the readers have a database that can be probed.
  ReaderPool(std::size_t readers, bool probes) : readers_(readers), probes_(probes) {}

  std::size_t size() const { return readers_.size(); }

  // A reader that can be given work.
  std::optional<std::size_t> free() const;
  // An idle reader that should be probed; lost ones sooner if a query waits for a reader (`wanted`).
  std::optional<std::size_t> due_for_probe(Instant now, bool wanted);
  // True if, although all are lost, one has just been probed or can be: the database may be back.
  bool hopeful(Instant now) const;
  // Something has come back: probe lost readers at once.
  void hurry();
  // Somebody else has used the database, and found it there or not.
  void seen(bool there, Instant now);
  void begin(std::size_t reader, Instant now);
  // A reader has answered; `lost` says why it has no database, if it has none. Returns how long it took.
  std::chrono::nanoseconds end(std::size_t reader, std::string lost, Instant now);

  // How many readers have no database, and why the first of them has none.
  struct Health {
    std::size_t lost = 0;
    std::string reason;
  };
  Health health(Instant now) const;

 private:
  struct One {
    std::optional<Instant> since;    // at work since
    std::optional<Instant> idle_at;  // last answered, or first to be probed
    std::string lost;
  };
  bool any_lost(Instant now) const;

  std::vector<One> readers_;
  bool probes_;
  std::optional<Instant> watch_at_;  // one is probed then, unless somebody uses the database before
};

}  // namespace vault
