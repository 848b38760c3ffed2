// Counts which faults met which actor in which phase, over all seeds, so that blind spots of the simulation show.
#pragma once

#include <string>
#include <vector>

#include "tests/simulation/report.hpp"

namespace vault::sim {

// The actors whose state decides what a fault can do to a ledger.
inline constexpr const char* watched_actors[] = {"writer", "notary", "coordinator", "gateway"};

// The possible values of an actor's phase() in one kind of run.
struct Phases {
  const char* actor;
  std::vector<std::string> phases;
};

// On one durable database, where no vaultd ever refuses to write.
const std::vector<Phases>& phases_on_one_database();
// In addition, when a lagging server replaces it: there, a writer refuses.
const std::vector<Phases>& phases_on_swapped_servers();

void count_met(Coverage& coverage, const std::string& fault, const std::string& actor, const std::string& phase);
bool is_met_count(const std::string& key);

// One line per fault, with the number of times for each phase of each actor.
std::string met_table(const Coverage& coverage);

// Those of these phases that a fault which can strike at any time has never met.
std::vector<std::string> met_holes(const Coverage& coverage, const std::vector<Phases>& wanted);

// Phases that were met but are in neither list: whoever adds one must say where it is to be met.
std::vector<std::string> unlisted_phases(const Coverage& coverage);

}  // namespace vault::sim
