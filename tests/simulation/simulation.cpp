#include "tests/simulation/simulation.hpp"

#include <algorithm>

#include "tests/simulation/met_faults.hpp"

namespace vault::sim {
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
  options.writer.second_batch_orders = 1 + random_.below(4);
  options.writer.recent_seals = 1 + random_.below(30);
  options.gateway.request_timeout = std::chrono::milliseconds(1'000 + random_.below(4'000));
  options.gateway.queue.seals_max = 10 + random_.below(100);
  options.gateway.queue.writer_seals_max = 1 + random_.below(40);
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

// Existing rows, so that trees cross the edge of a tile.
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

// One event happens; if none can, time passes until one can.
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

// Somebody changes what a commit relies on, or cancels the wait for the standby.
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

// Notes what it meets: the vaultd that it strikes, or both.
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

}  // namespace vault::sim
