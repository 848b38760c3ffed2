#include "tests/simulation/met_faults.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <string_view>

namespace vault::sim {
namespace {

constexpr std::string_view prefix = "met|";

// These come from outside, whatever the actors do; a failing call can only meet its caller.
const char* const at_any_time[] = {"fault.crash",          "fault.paused_process", "fault.clock",
                                   "fault.database_clock", "fault.outage_begins",  "fault.not_durable",
                                   "fault.disk.full",      "fault.stop",           "fault.cancelled_waits"};

// fault -> actor -> phase -> times
using Table = std::map<std::string, std::map<std::string, std::map<std::string, std::int64_t>>>;

Table table_of(const Coverage& coverage) {
  Table table;
  for (auto at = coverage.lower_bound(std::string(prefix)); at != coverage.end() && is_met_count(at->first); ++at) {
    const std::string key = at->first.substr(prefix.size());
    const std::size_t first = key.find('|'), second = key.find('|', first + 1);
    table[key.substr(0, first)][key.substr(first + 1, second - first - 1)][key.substr(second + 1)] = at->second;
  }
  return table;
}

}  // namespace

void count_met(Coverage& coverage, const std::string& fault, const std::string& actor, const std::string& phase) {
  ++coverage[std::string(prefix) + fault + "|" + actor + "|" + phase];
}

bool is_met_count(const std::string& key) {
  return key.starts_with(prefix);
}

std::string met_table(const Coverage& coverage) {
  std::string out = "faults, and what they met:\n";
  for (const auto& [fault, by_actor] : table_of(coverage)) {
    out += "  " + fault + "\n";
    for (const auto& [actor, by_phase] : by_actor) {
      out += "    " + actor + ":";
      for (const auto& [phase, times] : by_phase) out += "  " + phase + " " + std::to_string(times);
      out += "\n";
    }
  }
  return out;
}

const std::vector<Phases>& phases_on_one_database() {
  static const std::vector<Phases> phases = {
      {"writer", {"waiting", "adopting", "resolving", "looking_up", "idle", "one_in_flight", "two_in_flight"}},
      {"notary", {"inactive", "judging", "failing", "confirming", "storing", "idle", "behind"}},
      {"coordinator", {"idle", "waiting"}},
      {"gateway", {"unready", "unready_holding", "full", "idle", "holding", "stopping"}}};
  return phases;
}

const std::vector<Phases>& phases_on_swapped_servers() {
  static const std::vector<Phases> phases = {{"writer", {"blocked"}}};
  return phases;
}

std::vector<std::string> met_holes(const Coverage& coverage, const std::vector<Phases>& wanted) {
  Table table = table_of(coverage);
  std::vector<std::string> holes;
  for (const std::string fault : at_any_time) {
    for (const auto& [actor, phases] : wanted) {
      for (const std::string& phase : phases) {
        if (table[fault][actor][phase] == 0) holes.push_back(fault + " never met the " + actor + " " + phase);
      }
    }
  }
  return holes;
}

std::vector<std::string> unlisted_phases(const Coverage& coverage) {
  std::set<std::string> listed, met;
  for (const auto* list : {&phases_on_one_database(), &phases_on_swapped_servers()}) {
    for (const auto& [actor, phases] : *list) {
      for (const std::string& phase : phases) listed.insert(std::string(actor) + " " + phase);
    }
  }
  for (const auto& [fault, by_actor] : table_of(coverage)) {
    for (const auto& [actor, by_phase] : by_actor) {
      for (const auto& [phase, times] : by_phase) met.insert(actor + " " + phase);
    }
  }
  std::vector<std::string> unlisted;
  std::set_difference(met.begin(), met.end(), listed.begin(), listed.end(), std::back_inserter(unlisted));
  return unlisted;
}

}  // namespace vault::sim
