#include "tools/bench/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "ledger/check.hpp"

namespace vault::bench {
namespace {

std::string number(double value, const Target& of) {
  if (std::strcmp(of.unit, "/s") == 0) return with_commas(value) + "/s";
  if (std::strcmp(of.unit, "MiB") == 0) return fmt::format("{:.0f} MiB", value);
  if (std::strcmp(of.unit, "ms") == 0) return fmt::format("{:.2f} ms", value);
  return fmt::format("{:.2f}{}", value, of.unit);
}

const char* mark(const Figure& figure, const Target& of) {
  if (!figure.value) return figure.failed ? "failed" : "not measured";
  if (meets(*figure.value, of.goal, of.smaller_is_better)) return "goal";
  return meets(*figure.value, of.floor, of.smaller_is_better) ? "floor" : "below";
}

}  // namespace

const std::vector<Target>& targets() {
  static const std::vector<Target> all = {
      {"flood", "16 producers, many in flight: share of the fastest plain insert", "", 0.5, 0.85, false},
      {"lone", "16 producers, one in flight each: seals", "/s", 8'000, 20'000, false},
      {"many", "16 producers, one in flight each: share of 16 connections that insert a bare row each", "", 0.5, 1,
       false},
      {"growth", "flood on the large ledger, as a share of flood on the small one", "", 0.9, 0.95, false},
      {"single", "one producer, one seal: median against a bare row and an empty round trip", "x", 1.5, 1.15, true},
      {"polled", "the same with busy_poll", "x", 1.25, 1, true},
      {"verify", "verify: entries/s as a share of COPY TO of the same columns", "", 0.4, 0.7, false},
      {"proof", "inclusion proof: median", "ms", 2, 0.3, true},
      {"memory", "resident memory of vaultd, peak", "MiB", 150, 100, true},
  };
  return all;
}

const Target& target(const std::string& name) {
  const auto& all = targets();
  const auto found = std::find_if(all.begin(), all.end(), [&](const Target& t) { return name == t.name; });
  VAULT_CHECK(found != all.end());
  return *found;
}

bool meets(double value, double bound, bool smaller_is_better) {
  return smaller_is_better ? value <= bound : value >= bound;
}

double median(std::vector<double> values) {
  return percentile(std::move(values), 0.5);
}

double percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const double at = share * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (values[above] - values[below]) * (at - std::floor(at));
}

std::string with_commas(double value) {
  std::string digits = fmt::format("{:.0f}", value);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > (value < 0 ? 1 : 0); at -= 3) {
    digits.insert(static_cast<std::size_t>(at), 1, ',');
  }
  return digits;
}

void print_table(const std::vector<Figure>& figures, const nlohmann::json& machine) {
  fmt::print("{}, {} processors, {} MiB; PostgreSQL {}; build {}\n\n", machine.value("processor", "?"),
             machine.value("processors", 0), machine.value("memory_mib", 0), machine.value("postgresql", "?"),
             machine.value("build", "?"));
  fmt::print("{:<8}  {:>12}  {:>10}  {:>10}  {:<12}  {}\n", "figure", "measured", "floor", "goal", "reaches", "");
  for (const Figure& figure : figures) {
    const Target& of = target(figure.name);
    fmt::print("{:<8}  {:>12}  {:>10}  {:>10}  {:<12}  {}\n", figure.name,
               figure.value ? number(*figure.value, of) : "-", number(of.floor, of), number(of.goal, of),
               mark(figure, of), of.what);
    if (!figure.note.empty()) fmt::print("{:<62}{}\n", "", figure.note);
  }
}

nlohmann::json to_json(const std::vector<Figure>& figures, const nlohmann::json& machine,
                       const nlohmann::json& settings) {
  nlohmann::json all = nlohmann::json::array();
  for (const Figure& figure : figures) {
    const Target& of = target(figure.name);
    nlohmann::json one = {
        {"name", figure.name}, {"what", of.what},          {"unit", of.unit},
        {"floor", of.floor},   {"goal", of.goal},          {"smaller_is_better", of.smaller_is_better},
        {"value", nullptr},    {"meets_floor", nullptr},   {"meets_goal", nullptr},
        {"note", figure.note}, {"details", figure.details}};
    if (figure.value) {
      one["value"] = *figure.value;
      one["meets_floor"] = meets(*figure.value, of.floor, of.smaller_is_better);
      one["meets_goal"] = meets(*figure.value, of.goal, of.smaller_is_better);
    }
    all.push_back(std::move(one));
  }
  return {{"machine", machine}, {"settings", settings}, {"figures", std::move(all)}};
}

}  // namespace vault::bench
