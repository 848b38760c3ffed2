// The courses that a simulation can take, and what must hold at the end of each.
#include <algorithm>

#include "actors/clock_guard.hpp"
#include "tests/simulation/simulation.hpp"

namespace vault::sim {
namespace {

// Longest time within which everything must have recovered once the faults have ended.
constexpr Micros patience = 90 * second;

}  // namespace

template <class Done>
void Simulation::run_until(Micros limit, bool producing, const char* what, Done done) {
  const Micros end = now_ + limit;
  while (!done()) {
    if (now_ > end)
      throw Violation(std::string("no progress: ") + what + ";" + describe() + producers_.describe_open());
    step(producing);
  }
}

void Simulation::calm_down() {
  trace_.add(now_, "the faults end");
  database_.quiet = true;
  database_.down = false;
  database_.clock_offset = 0;
  for (auto& vaultd : fleet_) vaultd->jump_clock(0);
  // Clocks that leap forward together are not believed at once.
  for (const Micros end = now_ + std::chrono::microseconds(ClockGuard::patience).count(); leaps_far_ && now_ < end;) {
    step(false);
  }
}

// No requests for a while, after which both must hold few connections.
void Simulation::rest() {
  for (const Micros end = now_ + 5 * second; now_ < end;) step(false);
  for (const auto& vaultd : fleet_) {
    const auto found = vaultd->connections();
    require(found.all() <= 3, "an idle vaultd holds connections: " + std::to_string(found.reading) + " to read, " +
                                  std::to_string(found.writing) + " to write, " + std::to_string(found.lease) +
                                  " for the lease");
  }
  ++coverage_["rested"];
}

// Stops a vaultd as SIGTERM does, and checks what it leaves behind.
void Simulation::drain(int vaultd) {
  SimulatedVaultd& process = *fleet_[static_cast<std::size_t>(vaultd)];
  const int incarnation = process.incarnation();
  const bool writes = database_.state.lease_holder == "vaultd-" + std::to_string(vaultd);
  const std::int64_t size = std::ssize(database_.state.entries);
  process.begin_stop();
  restart_at_[static_cast<std::size_t>(vaultd)] = now_ + 60 * second;
  run_until(shutdown_timeout, false, "a vaultd that was told to stop", [&] { return !process.running(); });
  producers_.ingest_is_stored(vaultd, incarnation, false);
  const auto newest = database_.newest_checkpoint();
  require(!writes || (newest && newest->tree_size >= size),
          "a writer that has stopped leaves entries under no checkpoint in the database");
}

void Simulation::run() {
  while (now_ < weather_.duration) step(true);
  calm_down();
  // One of the two becomes the writer again; first, any stop under way is completed.
  run_until(patience, false, "vaultds that were stopping or down", [&] {
    return std::all_of(fleet_.begin(), fleet_.end(), [](const auto& v) { return v->running() && !v->stopping(); });
  });
  // A clock that was wrong may still cause one handover, and some only wake up now.
  const bool wake = random_.chance(800);
  if (wake) {
    for (auto& vaultd : fleet_) vaultd->wake_up();
  }
  for (const Micros end = now_ + (wake ? 5 : 14) * second; now_ < end;) step(false);
  std::uint64_t probes[2] = {producers_.send_probe(0), producers_.send_probe(1)};
  run_until(patience, false, "one vaultd must take seals again",
            [&] { return producers_.acknowledged(probes[0]) || producers_.acknowledged(probes[1]); });
  const int writer = producers_.acknowledged(probes[0]) ? 0 : 1;
  producers_.allow_anywhere(probes[1 - writer]);
  answer_all(writer);
  // Nothing is wrong now, so nothing is late.
  producers_.expect_no_deadlines(true);
  producers_.send_round(writer);
  answer_all(writer);
  producers_.expect_no_deadlines(false);
  rest();
  // The writer stops; the other one takes over and finishes its own requests.
  drain(writer);
  const int other = 1 - writer;
  const int incarnation = fleet_[static_cast<std::size_t>(other)]->incarnation();
  const std::uint64_t probe = producers_.send_probe(other);
  run_until(patience, false, "the standby must take over", [&] { return producers_.acknowledged(probe); });
  run_until(patience, false, "ingest seals must be stored",
            [&] { return producers_.ingest_is_stored(other, incarnation, true); });
  answer_all(other);
  drain(other);
  invariants_.whole_ledger();
  ++coverage_["runs"];
  coverage_["seals"] += static_cast<std::int64_t>(invariants_.size());
}

// If seals are refused while nothing good is sealed beside them, only a good one shows whether they are bad
// (Writer::on_refused). So one is sent now and then, as on a ledger in use.
void Simulation::answer_all(int vaultd) {
  Micros next = now_ + 5 * second;
  run_until(patience, false, "every request must be answered", [&] {
    if (now_ >= next) {
      producers_.send_probe(vaultd);
      next = now_ + 5 * second;
    }
    return producers_.all_answered();
  });
}

// One vaultd, whose database goes back to a state older than the last checkpoint signed. Returns the rows left.
std::size_t Simulation::restore() {
  weather_ = {};
  database_.quiet = true;
  restart_at_[1] = never - 1;
  for (const Micros end = now_ + 2 * second; now_ < end;) step(true);
  const DatabaseState backup = database_.state;
  for (const Micros end = now_ + 3 * second; now_ < end;) step(true);
  run_until(patience, true, "a checkpoint beyond the backup",
            [&] { return invariants_.last_checkpoint_size() > std::ssize(backup.entries); });
  // Messages under way arrive, since nothing may be said about lost rows later. Half of what is sent goes to the
  // missing vaultd, and is sent again. One good seal goes with them: only that shows whether refused ones are bad.
  producers_.send_probe(0);
  run_until(4 * patience, false, "every request must be answered", [&] { return producers_.all_answered(); });
  for (const Micros end = now_ + 2 * second; now_ < end;) step(false);
  if (random_.chance(500)) fleet_[0]->crash();
  database_.state = backup;
  database_.storing.clear();
  invariants_.forget_after(backup.entries.size());
  invariants_.rollback_is_fine = true;
  invariants_.tamper_is_fine = true;
  trace_.add(now_, "the database is restored to " + std::to_string(backup.entries.size()) + " rows");
  return backup.entries.size();
}

void Simulation::run_restore() {
  const std::size_t rows = restore();
  const std::int64_t alerts_before = coverage_["alert.rollback"];
  for (const Micros end = now_ + 20 * second; now_ < end;) step(true);
  require(database_.state.entries.size() == rows, "a ledger behind its checkpoint was written on");
  require(coverage_["alert.rollback"] > alerts_before, "no alert.rollback");
}

// The operator reads why, and repeats the command for the ledger as it is now.
void Simulation::on_exit_2(int vaultd, const std::string& reason) {
  require(options_.notary.identity.accept_rollback.has_value(), "vaultd ends with exit code 2: " + reason);
  ++coverage_["exit_2"];
  options_.notary.identity.accept_rollback = std::ssize(database_.state.entries);
  fleet_[static_cast<std::size_t>(vaultd)]->configure(options_);
}

// The loss is accepted: a new log identity begins, and one entry announces it, whatever crashes in between.
void Simulation::run_accepted_rollback() {
  const std::size_t rows = restore();
  fleet_[0]->crash();
  options_.notary.identity.accept_rollback = static_cast<std::int64_t>(rows);
  options_.notary.identity.origin = "example.com/second-life";
  fleet_[0]->configure(options_);
  producers_.give_up_all();
  database_.quiet = false;
  weather_.crashes = 20;
  for (const Micros end = now_ + 2 * second; now_ < end;) step(false);
  calm_down();
  run_until(patience, false, "a vaultd that was down", [&] { return fleet_[0]->running(); });
  const std::uint64_t probe = producers_.send_probe(0, true);
  run_until(patience, false, "the new identity must take seals", [&] { return producers_.acknowledged(probe); });
  require(invariants_.own_seals() == 1, "not one entry that tells of the new identity");
  invariants_.whole_ledger();
}

// --- Servers that lag and are swapped --------------------------------------------------------------------------------

// A lagging replica takes the database's place, or the previous server comes back.
void Simulation::fail_over() {
  DatabaseState before = database_.state;
  const bool back = former_ && random_.chance(300);
  database_.fail_over(back ? *former_ : replica_);
  if (back) database_.note("fault.former_server_is_back");
  if (!back) former_ = before;
  invariants_.history_switched(before);
  replica_ = database_.state;
}

// True once one of the two accepts seals.
bool Simulation::somebody_writes(Micros within) {
  const std::uint64_t probes[2] = {producers_.send_probe(0), producers_.send_probe(1)};
  const auto written = [&] { return producers_.acknowledged(probes[0]) || producers_.acknowledged(probes[1]); };
  for (const Micros end = now_ + within; now_ < end && !written();) step(false);
  const bool yes = written();
  for (const std::uint64_t probe : probes) producers_.give_up(probe);
  return yes;
}

// Whatever servers do to it, no vaultd signs against its knowledge, and none reports two different things for one
// sequence; and if every vaultd refuses, the operator's decision ends it.
void Simulation::run_fail_overs() {
  invariants_.rollback_is_fine = invariants_.tamper_is_fine = invariants_.split_is_fine = true;
  replica_ = database_.state;
  const Micros lag = random_.between(50 * millisecond, 3 * second);
  Micros next_copy = lag, next_fail_over = random_.between(second, 5 * second);
  while (now_ < weather_.duration) {
    if (now_ >= next_copy) {
      replica_ = database_.state;
      next_copy = now_ + lag;
    }
    if (now_ >= next_fail_over) {
      fail_over();
      next_fail_over = now_ + random_.between(second, 8 * second);
    }
    step(true);
  }
  calm_down();
  producers_.give_up_all();
  for (const Micros end = now_ + 20 * second; now_ < end;) step(false);
  if (!somebody_writes(30 * second)) {
    ++coverage_["fail_over.refused"];
    for (int tries = 0; tries < 3; ++tries) {
      options_.notary.identity.accept_rollback = std::ssize(database_.state.entries);
      options_.notary.identity.origin = "example.com/life-" + std::to_string(tries);
      for (auto& vaultd : fleet_) {
        vaultd->crash();
        vaultd->configure(options_);
      }
      if (somebody_writes(patience)) break;
      require(tries < 2, "nobody writes, although the operator has accepted the loss");
    }
  } else {
    ++coverage_["fail_over.went_on"];
  }
  require(somebody_writes(patience), "nobody writes any more");
  for (const Micros end = now_ + 10 * second; now_ < end;) step(false);
  invariants_.whole_ledger();
}

}  // namespace vault::sim
