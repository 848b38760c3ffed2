#include "tests/simulation/simulation.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "tests/simulation/met_faults.hpp"

#include "actors/clock_guard.hpp"

namespace vault::sim {
namespace {

constexpr Micros never = std::numeric_limits<Micros>::max();
// Longest time in which everything must have come right once the faults have ended.
constexpr Micros patience = 90 * second;
constexpr Micros shutdown_timeout = 10 * second;

}  // namespace

Simulation::Simulation(std::uint64_t seed, Coverage& coverage)
    : random_(seed),
      coverage_(coverage),
      options_(draw_options()),
      database_(now_, random_, coverage_, trace_),
      invariants_(database_, coverage_),
      world_{now_, random_, coverage_, trace_, database_, invariants_, *this},
      producers_(world_, fleet_, options_.gateway.request_timeout.count() * millisecond) {
  draw_weather();
  database_.faults_per_mille = weather_.store_faults;
  database_.on_fault = [this](const std::string& fault) { on_fault(current_, fault); };
  database_.on_commit = [this](const SequencedBatch& batch) { invariants_.committed(batch); };
  database_.on_grant = [this](std::int64_t epoch, const auto& newest) { invariants_.lease_granted(epoch, newest); };
  database_.on_checkpoint = [this](std::int64_t epoch, const StoredCheckpoint& checkpoint) {
    invariants_.stored_checkpoint(epoch, checkpoint);
  };
  for (int i = 0; i < 2; ++i) fleet_.push_back(std::make_unique<SimulatedVaultd>(i, world_, options_));
  restart_at_.assign(fleet_.size(), 0);
  kill_at_.assign(fleet_.size(), never);
  if (random_.chance(120)) seed_ledger(random_.chance(700) ? 240 + random_.below(16) : random_.below(40));
  invariants_.accept_history();
}

VaultdOptions Simulation::draw_options() {
  VaultdOptions options;
  options.writer.batch_seals_max = 1 + random_.below(12);
  options.writer.batch_bytes_max = 300 + random_.below(4'000);
  options.writer.second_batch_seals = 1 + random_.below(4);
  options.writer.recent_seals = 1 + random_.below(30);
  options.gateway.request_timeout = std::chrono::milliseconds(1'000 + random_.below(4'000));
  options.gateway.queue_seals_max = 10 + random_.below(100);
  options.gateway.writer_window_seals = 1 + random_.below(40);
  if (random_.below(2) == 0) options.gateway.decoded_aside_bytes = 100 + random_.below(400);
  options.gateway.version = "simulated";
  options.audit_rows_per_second = random_.chance(250) ? 20 + random_.below(100) : 0;
  return options;
}

void Simulation::draw_weather() {
  const auto level = [this](unsigned most) {
    return random_.chance(300) ? 0 : static_cast<unsigned>(random_.below(most + 1));
  };
  weather_.store_faults = level(150);
  weather_.crashes = level(3);
  weather_.stalls = level(5);
  weather_.clock_jumps = level(2);
  weather_.outages = level(1);
  weather_.stops = level(1);
  weather_.broken_promises = level(1);
  weather_.full_disks = level(1);
  weather_.duration = random_.between(5 * second, 16 * second);
}

// Rows from before, so that trees cross the edge of a tile.
void Simulation::seed_ledger(std::size_t rows) {
  LedgerState state;
  for (std::size_t i = 0; i < rows; ++i) {
    Seal seal{"session", "history", Verdict::seal, "{\"h\":" + std::to_string(i) + "}", Uuid{}};
    random_.fill(seal.seal_id->bytes);
    SealInput input{&seal, {}};
    random_.fill(input.salt);
    AppendRequest request;
    request.batch = sequence_seals(state, {&input, 1}, database_.clock());
    request.next = state.head;
    database_.commit(request);
  }
}

// --- Steps -----------------------------------------------------------------------------------------------------------

void Simulation::restart_due() {
  for (std::size_t i = 0; i < fleet_.size(); ++i) {
    SimulatedVaultd& vaultd = *fleet_[i];
    if (vaultd.running() && kill_at_[i] <= now_) {
      ++coverage_["stop.killed"];
      vaultd.crash();
    }
    if (vaultd.running()) continue;
    kill_at_[i] = never;
    if (restart_at_[i] == never) restart_at_[i] = now_ + random_.between(0, random_.chance(700) ? second : 6 * second);
    if (restart_at_[i] > now_) continue;
    restart_at_[i] = never;
    vaultd.start();
  }
}

// One thing happens; if nothing can, time passes until something can.
void Simulation::step(bool producing) {
  if (!database_.quiet) do_harm();
  restart_due();
  database_.end_due_transactions();
  producers_.tick(producing);
  choices_.clear();
  for (auto& vaultd : fleet_) vaultd->collect(choices_);
  if (!choices_.empty()) {
    const SimulatedVaultd::Choice choice = choices_[random_.below(choices_.size())];
    current_ = choice.vaultd->index();
    choice.vaultd->run(choice);
    current_ = -1;
    return;
  }
  Micros next = std::min(producers_.next_at(producing), database_.next_end());
  for (std::size_t i = 0; i < fleet_.size(); ++i) {
    next = std::min(next, fleet_[i]->running() ? std::min(fleet_[i]->next_at(), kill_at_[i]) : restart_at_[i]);
  }
  if (database_.down && outage_ends_at_ > now_) next = std::min(next, outage_ends_at_);
  require(next != never, "nothing will ever happen again");
  now_ = std::max(now_ + 1, next);
}

void Simulation::do_harm() {
  if (database_.down && outage_ends_at_ <= now_) {
    database_.down = false;
    ++coverage_["outage.over"];
  }
  const std::size_t dice = random_.below(1'000);
  unsigned threshold = weather_.outages;
  if (dice < threshold) {
    if (database_.down) return;
    database_.note("outage.begins");
    on_fault(-1, "fault.outage_begins");
    database_.down = true;
    outage_ends_at_ = now_ + random_.between(50 * millisecond, 6 * second);
    return;
  }
  if (dice < (threshold += weather_.clock_jumps)) {
    harm_clock();
    return;
  }
  if (dice < (threshold += weather_.stalls)) {
    SimulatedVaultd& vaultd = *fleet_[random_.below(fleet_.size())];
    const Micros until = now_ + random_.between(10 * millisecond, random_.chance(400) ? 9 * second : second);
    if (random_.chance(500)) {
      trace_.add(now_, "a vaultd stands still until " + std::to_string(until / millisecond) + " ms");
      on_fault(vaultd.index(), "fault.paused_process");
      vaultd.pause_until(until);
      ++coverage_["fault.paused_process"];
    } else {
      vaultd.pause_random_actor(until);
      ++coverage_["fault.paused_actor"];
    }
    return;
  }
  if (dice < (threshold += weather_.crashes + weather_.stops)) return harm_process();
  if (dice < (threshold += weather_.broken_promises)) return harm_promises();
  if (dice < threshold + weather_.full_disks) {
    SimulatedVaultd& vaultd = *fleet_[random_.below(fleet_.size())];
    vaultd.fill_disk_until(now_ + random_.between(50 * millisecond, random_.chance(300) ? 12 * second : 2 * second));
    ++coverage_["fault.disk.full"];
    on_fault(vaultd.index(), "fault.disk.full");
  }
}

void Simulation::harm_clock() {
  const Micros most = random_.chance(300) ? 600 * second : 3 * second;
  if (random_.chance(200)) {
    leaps_far_ = leaps_far_ || most > 3 * second;
    database_.clock_offset = random_.between(-most, most);
    database_.note("fault.database_clock");
    return;
  }
  SimulatedVaultd& vaultd = *fleet_[random_.below(fleet_.size())];
  vaultd.jump_clock(random_.between(-most, most));
  ++coverage_["fault.clock"];
  on_fault(vaultd.index(), "fault.clock");
}

// Somebody changes what a commit rests on, or cancels the wait for the standby.
void Simulation::harm_promises() {
  const Micros until = now_ + random_.between(50 * millisecond, 5 * second);
  if (random_.chance(500)) {
    database_.not_durable_until = until;
    database_.note("fault.not_durable");
  } else {
    database_.cancelled_until = until;
    database_.note("fault.cancelled_waits");
  }
}

std::string Simulation::describe() const {
  std::string out;
  for (const auto& vaultd : fleet_) {
    out += " vaultd-" + std::to_string(vaultd->index());
    for (const char* actor : watched_actors) {
      if (vaultd->running()) out += std::string(" ") + actor + " " + vaultd->phase_of(actor);
    }
    out += ";";
  }
  return out;
}

// What it meets: the vaultd that it strikes, or both.
void Simulation::on_fault(int vaultd, const std::string& fault) {
  for (const auto& one : fleet_) {
    if (!one->running() || (vaultd >= 0 && one->index() != vaultd)) continue;
    for (const char* actor : watched_actors) count_met(coverage_, fault, actor, one->phase_of(actor));
  }
}

void Simulation::harm_process() {
  const std::size_t which = random_.below(fleet_.size());
  SimulatedVaultd& vaultd = *fleet_[which];
  if (!vaultd.running()) return;
  if (random_.below(weather_.crashes + weather_.stops) < weather_.stops) {
    on_fault(vaultd.index(), "fault.stop");
    vaultd.begin_stop();
    kill_at_[which] = std::min(kill_at_[which], now_ + shutdown_timeout);
  } else if (random_.chance(500)) {
    vaultd.crash();
  } else {
    vaultd.crash_in_next_step(static_cast<int>(random_.below(6)));
  }
}

// --- Runs ------------------------------------------------------------------------------------------------------------

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

// Nobody wants anything for a while, and then both hold few connections.
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

// Stops a vaultd as SIGTERM does and sees what it leaves behind.
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
  // One of the two becomes the writer again; a stop that was under way is seen through first.
  run_until(patience, false, "vaultds that were stopping or down", [&] {
    return std::all_of(fleet_.begin(), fleet_.end(), [](const auto& v) { return v->running() && !v->stopping(); });
  });
  // A clock that was wrong may still hand the lease over once, and some wake up only now.
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
  // The writer goes; the other one takes over and finishes what it holds.
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

// Whether seals are bad that are refused with nothing good beside them, only a good one can show (Writer::on_refused).
// So one comes now and then, as on a ledger that is in use.
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

// One vaultd, and its database goes back to a state older than the last checkpoint signed. Returns the rows left.
std::size_t Simulation::restore() {
  weather_ = {};
  database_.quiet = true;
  restart_at_[1] = never - 1;
  for (const Micros end = now_ + 2 * second; now_ < end;) step(true);
  const DatabaseState backup = database_.state;
  for (const Micros end = now_ + 3 * second; now_ < end;) step(true);
  run_until(patience, true, "a checkpoint beyond the backup",
            [&] { return invariants_.last_checkpoint_size() > std::ssize(backup.entries); });
  // What is on its way arrives: of rows that are lost nothing is said later on.
  // Half of what is sent goes to the one that is not there, and is sent again.
  // One good seal with them: whether seals are bad that are refused with nothing beside them, only that can show.
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

// The operator reads why, and says it again as the ledger is now.
void Simulation::on_exit_2(int vaultd, const std::string& reason) {
  require(options_.notary.identity.accept_rollback.has_value(), "vaultd ends with exit code 2: " + reason);
  ++coverage_["exit_2"];
  options_.notary.identity.accept_rollback = std::ssize(database_.state.entries);
  fleet_[static_cast<std::size_t>(vaultd)]->configure(options_);
}

// The loss is accepted: a new log identity begins, and an entry says so, once, whatever crashes in between.
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

// A replica that lags takes the database's place, or the server from before comes back.
void Simulation::fail_over() {
  DatabaseState before = database_.state;
  const bool back = former_ && random_.chance(300);
  database_.fail_over(back ? *former_ : replica_);
  if (back) database_.note("fault.former_server_is_back");
  if (!back) former_ = before;
  invariants_.history_switched(before);
  replica_ = database_.state;
}

// True once one of the two takes seals.
bool Simulation::somebody_writes(Micros within) {
  const std::uint64_t probes[2] = {producers_.send_probe(0), producers_.send_probe(1)};
  const auto written = [&] { return producers_.acknowledged(probes[0]) || producers_.acknowledged(probes[1]); };
  for (const Micros end = now_ + within; now_ < end && !written();) step(false);
  const bool yes = written();
  for (const std::uint64_t probe : probes) producers_.give_up(probe);
  return yes;
}

// Whatever the servers do to it, no vaultd signs against what it knows, and none tells two things of one sequence; and
// where everybody refuses, the operator's word ends it.
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
