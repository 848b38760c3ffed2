// Which faults met which actor doing what, over all seeds: so that a blind spot of the simulation shows.
#pragma once

#include <string>
#include <vector>

#include "tests/simulation/report.hpp"

namespace vault::sim {

// Of the actors whose state decides what a fault can do to a ledger.
inline constexpr const char* watched_actors[] = {"writer", "notary", "steward", "gateway"};

void count_met(Coverage& coverage, const std::string& fault, const std::string& actor, const std::string& phase);
bool is_met_count(const std::string& key);

// A line a fault, with the number of times for each phase of each actor.
std::string met_table(const Coverage& coverage);

// What a fault that can strike at any time has never met, although others have.
std::vector<std::string> met_holes(const Coverage& coverage);

}  // namespace vault::sim
