// One run: two vaultds on one database, producers, and a scheduler whose seed decides what happens next and what goes
// wrong. The same seed gives the same course, step by step.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/simulation/fake_store.hpp"
#include "tests/simulation/invariants.hpp"
#include "tests/simulation/producers.hpp"
#include "tests/simulation/report.hpp"
#include "tests/simulation/simulated_vaultd.hpp"

namespace vault::sim {

inline constexpr Micros never = std::numeric_limits<Micros>::max();
inline constexpr Micros shutdown_timeout = 10 * second;

// How bad the conditions are; drawn from the seed. Rates are per 1,000 steps, or per 1,000 calls of the database.
struct Weather {
  unsigned store_faults = 0;
  unsigned crashes = 0;
  unsigned stalls = 0;
  unsigned clock_jumps = 0;
  unsigned outages = 0;
  unsigned stops = 0;
  unsigned broken_promises = 0;  // of the server's durability
  unsigned full_disks = 0;
  Micros duration = 0;
};

class Simulation final : public Outside {
 public:
  Simulation(std::uint64_t seed, Coverage& coverage);

  // Faults for a while, then calm, in which everything must recover. Throws Violation.
  void run();
  // One vaultd; its database is restored to a state older than a checkpoint that it has signed. It must not write.
  void run_restore();
  // The same, and the operator accepts the loss.
  void run_accepted_rollback();
  // Two vaultds whose database falls behind, is swapped, and comes back, while everything else goes wrong too.
  void run_fail_overs();

  std::string trace() const { return trace_.text(); }

  // For checking that broken promises are noticed.
  void break_database(Breakage breakage) { database_.breakage = breakage; }

  void on_reply(int vaultd, const std::vector<std::string>& frames) override { producers_.on_reply(vaultd, frames); }
  void on_exit_2(int vaultd, const std::string& reason) override;
  void on_fault(int vaultd, const std::string& fault) override;
  void on_ingest_taken(int vaultd, const std::string& name) override { producers_.on_ingest_taken(vaultd, name); }

 private:
  VaultdOptions draw_options();
  void draw_weather();
  void seed_ledger(std::size_t rows);
  void step(bool producing);
  void do_harm();
  void harm_process();
  void harm_clock();
  std::string describe() const;  // the state of every part
  void harm_promises();
  void calm_down();
  void rest();
  void restart_due();
  template <class Done>
  void run_until(Micros patience, bool producing, const char* what, Done done);
  void answer_all(int vaultd);
  void drain(int vaultd);
  std::size_t restore();
  void fail_over();
  bool somebody_writes(Micros within);

  Random random_;
  Coverage& coverage_;
  Trace trace_;
  Micros now_ = 0;
  Weather weather_;
  VaultdOptions options_;
  FakeDatabase database_;
  Invariants invariants_;
  World world_;
  Fleet fleet_;
  Producers producers_;
  std::vector<Micros> restart_at_;  // of a vaultd that is down
  bool leaps_far_ = false;          // whether the database's clock has
  std::vector<Micros> kill_at_;     // of one that is stopping
  Micros outage_ends_at_ = 0;
  DatabaseState replica_;                // the contents of a lagging server
  std::optional<DatabaseState> former_;  // the server that was failed over from
  std::vector<SimulatedVaultd::Choice> choices_;
  int current_ = -1;  // the vaultd that takes a step; -1: none
};

}  // namespace vault::sim
