// The figures of a run, compared with floor and goal: as a table for people and as one JSON document.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace vault::bench {

// The values that a figure must reach.
struct Target {
  const char* name;
  const char* what;
  const char* unit;  // "" for a share
  double floor;
  double goal;
  bool smaller_is_better;
};
// All of them, in the order of docs/performance.md.
const std::vector<Target>& targets();
const Target& target(const std::string& name);

struct Figure {
  std::string name;             // of the target
  std::optional<double> value;  // nullopt: not measured; `note` says why
  std::string note;             // how it was derived, for people
  nlohmann::json details = nlohmann::json::object();
  bool failed = false;
};

bool meets(double value, double bound, bool smaller_is_better);

// Median; 0 for none.
double median(std::vector<double> values);
double percentile(std::vector<double> values, double share);

void print_table(const std::vector<Figure>& figures, const nlohmann::json& machine);
nlohmann::json to_json(const std::vector<Figure>& figures, const nlohmann::json& machine,
                       const nlohmann::json& settings);

// "58,123"
std::string with_commas(double value);

}  // namespace vault::bench
