// Two vaultds, one database, thousands of courses of events. VAULT_SIM_SEEDS and VAULT_SIM_FIRST_SEED choose others.
#include "tests/simulation/simulation.hpp"
#include "tests/simulation/met_faults.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace vault::sim {
namespace {

constexpr std::uint64_t seeds_default = 2'000;

std::uint64_t number_from(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text && *text ? std::strtoull(text, nullptr, 10) : otherwise;
}

// A failed CHECK ends the process: its seed must be known even then.
std::uint64_t current_seed = 0;
const Simulation* current_simulation = nullptr;
extern "C" void print_seed(int) {
  std::fprintf(stderr, "simulation: aborted in seed %llu\n", static_cast<unsigned long long>(current_seed));
  if (current_simulation) std::fputs(current_simulation->trace().c_str(), stderr);
  std::signal(SIGABRT, SIG_DFL);
}

// Runs a seed; returns why it failed, or nothing.
template <class Run>
std::string try_seed(std::uint64_t seed, Coverage& coverage, Run run) {
  current_seed = seed;
  Simulation simulation(seed, coverage);
  current_simulation = &simulation;
  std::string failure;
  try {
    run(simulation);
  } catch (const std::exception& violation) {
    failure = "seed " + std::to_string(seed) + ": " + violation.what() + "\n" + simulation.trace();
  }
  current_simulation = nullptr;
  return failure;
}

const char* const must_happen[] = {"fault.append.before",
                                   "fault.append.after",
                                   "fault.append.under_way",
                                   "fault.append.rolled_back",
                                   "fault.take_lease.before",
                                   "fault.take_lease.after",
                                   "fault.renew_lease.before",
                                   "fault.renew_lease.after",
                                   "fault.append.descriptor_gone",
                                   "fault.open_session.before",
                                   "fault.open_session.after",
                                   "fault.open_session.for_a_while",
                                   "fault.resolve.before",
                                   "fault.resolve.after",
                                   "fault.find_seals.before",
                                   "fault.find_seals.for_a_while",
                                   "fault.find_seals.again",
                                   "fault.store_checkpoint.before",
                                   "fault.store_checkpoint.after",
                                   "fault.store_checkpoint.under_way",
                                   "fault.store_checkpoint.rolled_back",
                                   "fault.lease_wait",
                                   "fault.lease_timeout",
                                   "fault.reader",
                                   "fault.disk.before",
                                   "fault.disk.after",
                                   "fault.disk.full",
                                   "fault.disk.no_room",
                                   "fault.not_durable",
                                   "fault.cancelled_waits",
                                   "fault.append.cancelled",
                                   "fault.resolve.cancelled",
                                   "fault.store_checkpoint.cancelled",
                                   "append.not_durable",
                                   "fault.stall",
                                   "fault.lock_wait",
                                   "fault.lock_timeout",
                                   "fault.database_down",
                                   "fault.database_clock",
                                   "fault.clock",
                                   "fault.crash",
                                   "fault.crash_inside_a_step",
                                   "fault.paused_process",
                                   "fault.paused_actor",
                                   "outage.over",
                                   "lost_transaction.committed",
                                   "lost_transaction.rolled_back",
                                   "append.committed",
                                   "append.duplicate",
                                   "append.refused",
                                   "append.head_moved",
                                   "append.failed",
                                   "append.in_doubt",
                                   "append.silent_beyond_lease",
                                   "resolve.committed",
                                   "resolve.not_committed",
                                   "resolve.fenced",
                                   "resolve.without_session",
                                   "lease.takeover",
                                   "lease.takeover_beside_a_checkpoint",
                                   "lease.released",
                                   "reader.rests",
                                   "rested",
                                   "checkpoint.signed",
                                   "checkpoint.stored",
                                   "checkpoint.fenced",
                                   "storing.committed",
                                   "storing.rolled_back",
                                   "receipt",
                                   "receipt.duplicate",
                                   "receipt.signed",
                                   "reply.seal_id_conflict",
                                   "reply.busy",
                                   "reply.unavailable",
                                   "reply.deadline_exceeded",
                                   "reply.internal",
                                   "reply.malformed",
                                   "ingest.taken",
                                   "stop.clean",
                                   "event.entry",
                                   "event.receipt",
                                   "event.checkpoint",
                                   "event.heartbeat",
                                   "alert.fenced",
                                   "alert.database",
                                   "alert.clock",
                                   "alert.ingest",
                                   "query.verify",
                                   "query.proof",
                                   "query.consistency",
                                   "producer.right_reuse",
                                   "producer.wrong_reuse",
                                   "producer.twice_in_a_batch"};

TEST(Simulation, KeepsItsInvariantsWhateverFails) {
  const std::uint64_t first = number_from("VAULT_SIM_FIRST_SEED", 1);
  const std::uint64_t count = number_from("VAULT_SIM_SEEDS", seeds_default);
  std::printf("simulation: seeds %llu to %llu\n", static_cast<unsigned long long>(first),
              static_cast<unsigned long long>(first + count - 1));
  std::signal(SIGABRT, print_seed);
  Coverage coverage;
  int failures = 0;
  for (std::uint64_t seed = first; seed < first + count && failures < 3; ++seed) {
    const std::string failure = try_seed(seed, coverage, [](Simulation& simulation) { simulation.run(); });
    if (failure.empty()) continue;
    ++failures;
    ADD_FAILURE() << failure << "\nagain: VAULT_SIM_FIRST_SEED=" << seed << " VAULT_SIM_SEEDS=1";
  }
  if (std::getenv("VAULT_SIM_COVERAGE")) {
    for (const auto& [what, times] : coverage) {
      if (!is_met_count(what)) std::printf("  %-32s %lld\n", what.c_str(), static_cast<long long>(times));
    }
  }
  std::fputs(met_table(coverage).c_str(), stdout);
  if (failures > 0 || count < seeds_default) return;
  for (const char* what : must_happen) EXPECT_GT(coverage[what], 0) << what << " never happened";
  for (const std::string& hole : met_holes(coverage, phases_on_one_database())) ADD_FAILURE() << hole;
  for (const std::string& phase : unlisted_phases(coverage)) ADD_FAILURE() << "no list of phases has " << phase;
}

// The simulation is only worth something if it fails when something is broken.
void expect_noticed(Breakage breakage, void (Simulation::*run)()) {
  std::signal(SIGABRT, print_seed);
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    Coverage coverage;
    const std::string failure = try_seed(seed, coverage, [&](Simulation& simulation) {
      simulation.break_database(breakage);
      (simulation.*run)();
    });
    if (failure.empty()) continue;
    std::printf("breakage %d, %s\n", static_cast<int>(breakage), failure.substr(0, failure.find('\n')).c_str());
    return;
  }
  ADD_FAILURE() << "breakage " << static_cast<int>(breakage) << " goes unnoticed";
}

TEST(Simulation, NoticesADatabaseThatBreaksItsPromises) {
  for (const Breakage breakage : {Breakage::no_fence, Breakage::loses_rows, Breakage::no_unique_seal_ids,
                                  Breakage::guesses_in_doubt, Breakage::no_lease_fence}) {
    expect_noticed(breakage, &Simulation::run);
  }
}

TEST(Simulation, NoticesWhoForgetsWhatItSigned) {
  expect_noticed(Breakage::forgets_checkpoints, &Simulation::run_fail_overs);
}

TEST(Simulation, NoticesWhoForgetsWhatItTold) {
  expect_noticed(Breakage::forgets_told, &Simulation::run_fail_overs);
}

void try_hundred(void (Simulation::*run)()) {
  std::signal(SIGABRT, print_seed);
  const std::uint64_t first = number_from("VAULT_SIM_FIRST_SEED", 1);
  for (std::uint64_t seed = first; seed < first + 100; ++seed) {
    Coverage coverage;
    const std::string failure = try_seed(seed, coverage, [&](Simulation& simulation) { (simulation.*run)(); });
    ASSERT_TRUE(failure.empty()) << failure;
  }
}

TEST(Simulation, RefusesADatabaseBehindItsCheckpoint) {
  try_hundred(&Simulation::run_restore);
}

TEST(Simulation, SignsNothingAgainstWhatItKnowsWhateverBecomesOfTheDatabase) {
  const std::uint64_t first = number_from("VAULT_SIM_FIRST_SEED", 1);
  const std::uint64_t count = number_from("VAULT_SIM_FAIL_OVER_SEEDS", 400);
  std::signal(SIGABRT, print_seed);
  Coverage coverage;
  int failures = 0;
  for (std::uint64_t seed = first; seed < first + count && failures < 3; ++seed) {
    const std::string failure = try_seed(seed, coverage, [](Simulation& simulation) { simulation.run_fail_overs(); });
    if (failure.empty()) continue;
    ++failures;
    ADD_FAILURE() << failure << "\nagain: VAULT_SIM_FIRST_SEED=" << seed << " VAULT_SIM_FAIL_OVER_SEEDS=1";
  }
  if (std::getenv("VAULT_SIM_COVERAGE")) {
    for (const auto& [what, times] : coverage) {
      if (!is_met_count(what)) std::printf("  %-32s %lld\n", what.c_str(), static_cast<long long>(times));
    }
  }
  std::printf("where servers are swapped, ");
  std::fputs(met_table(coverage).c_str(), stdout);
  if (failures > 0 || count < 400) return;
  for (const std::string& hole : met_holes(coverage, phases_on_swapped_servers())) ADD_FAILURE() << hole;
  for (const std::string& phase : unlisted_phases(coverage)) ADD_FAILURE() << "no list of phases has " << phase;
  for (const char* what : {"fault.fail_over", "fault.former_server_is_back", "fail_over.refused", "fail_over.went_on",
                           "contradiction.told", "alert.rollback", "alert.split"}) {
    EXPECT_GT(coverage[what], 0) << what << " never happened";
  }
}

TEST(Simulation, BeginsANewIdentityWhereTheLossIsAccepted) {
  try_hundred(&Simulation::run_accepted_rollback);
}

}  // namespace
}  // namespace vault::sim
