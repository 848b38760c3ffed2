// Which reader is free, which has lost its database, and when to ask one whether it is there.
//
// Readers connect when they are given something to do, and close what nobody has needed for a while, so that an idle
// vaultd holds few connections. All the same a database that is gone is missed within a second: as long as none is
// lost, one of them is asked when nobody has seen it for that long (the auditor sees it too, for nothing); once one is
// lost, all are asked.
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
  // A reader that says nothing for this long counts as lost: a server behind a cable that was pulled answers nobody.
  static constexpr std::chrono::seconds silence_max{10};
  // This often a reader asks where nobody else does, and all readers do where one is lost.
  static constexpr std::chrono::milliseconds probe_interval{1'000};
  // The auditor's word is good for this long: it comes about once a second.
  static constexpr std::chrono::milliseconds seen_interval{2'000};
  // This soon where a question waits. A reader that is refused says so at once; one that says nothing is not waited
  // for.
  static constexpr std::chrono::milliseconds wanted_interval{50};
  static constexpr std::chrono::milliseconds probe_patience{200};

  // `probes`: the readers have a database that can be asked for.
  ReaderPool(std::size_t readers, bool probes) : readers_(readers), probes_(probes) {}

  std::size_t size() const { return readers_.size(); }

  // A reader that can be given work.
  std::optional<std::size_t> free() const;
  // A reader with nothing to do that should ask whether its database is there; lost ones sooner where somebody waits
  // for one (`wanted`).
  std::optional<std::size_t> due_for_probe(Instant now, bool wanted);
  // Though all are lost: one has just been asked, or can be. It may be back.
  bool hopeful(Instant now) const;
  // Something has come back: lost readers are to be asked at once.
  void hurry();
  // Somebody else has asked for the database, and found it there or not.
  void seen(bool there, Instant now);
  void begin(std::size_t reader, Instant now);
  // It has answered; `lost` says why it has no database, if it has none. Returns how long it took.
  std::chrono::nanoseconds end(std::size_t reader, std::string lost, Instant now);

  // How many have no database, and why the first of them has none.
  struct Health {
    std::size_t lost = 0;
    std::string reason;
  };
  Health health(Instant now) const;

 private:
  struct One {
    std::optional<Instant> since;    // at work
    std::optional<Instant> idle_at;  // last answered, or first to be asked
    std::string lost;
  };
  bool any_lost(Instant now) const;

  std::vector<One> readers_;
  bool probes_;
  std::optional<Instant> watch_at_;  // one is asked for the database then, if nobody sees it before
};

}  // namespace vault
