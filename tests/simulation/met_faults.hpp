// Which faults met which actor doing what, over all seeds: so that a blind spot of the simulation shows.
#pragma once

#include <string>
#include <vector>

#include "tests/simulation/report.hpp"

namespace vault::sim {

// Of the actors whose state decides what a fault can do to a ledger.
inline constexpr const char* watched_actors[] = {"writer", "notary", "coordinator", "gateway"};

// What an actor's phase() can say in a kind of course.
struct Phases {
  const char* actor;
  std::vector<std::string> phases;
};

// On one database that keeps what it is told, where nobody ever refuses to write.
const std::vector<Phases>& phases_on_one_database();
// Besides, where a server that lags takes its place: there a writer refuses.
const std::vector<Phases>& phases_on_swapped_servers();

void count_met(Coverage& coverage, const std::string& fault, const std::string& actor, const std::string& phase);
bool is_met_count(const std::string& key);

// A line a fault, with the number of times for each phase of each actor.
std::string met_table(const Coverage& coverage);

// Which of these phases a fault that can strike at any time has never met.
std::vector<std::string> met_holes(const Coverage& coverage, const std::vector<Phases>& wanted);

// Phases that were met and stand in neither list: whoever adds one says where it is to be met.
std::vector<std::string> unlisted_phases(const Coverage& coverage);

}  // namespace vault::sim
