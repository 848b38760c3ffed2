// Output about a filesystem vault: JSON documents and tables.
#include <fmt/format.h>

#include <algorithm>

#include "ledger/timestamp.hpp"
#include "tools/common/json_output.hpp"
#include "tools/common/terminal.hpp"
#include "tools/vaultctl/legacy.hpp"

namespace vault::ctl {
namespace {

using Json = nlohmann::ordered_json;

// An original value. A value that Json might round, a long number, is shown as text.
Json original(const std::string& json_text) {
  constexpr std::size_t digits_kept = 15;
  const bool is_text = !json_text.empty() && json_text.front() == '"';
  if (!is_text && json_text.size() > digits_kept) return json_text;
  const Json parsed = Json::parse(json_text, nullptr, false);
  return parsed.is_discarded() ? Json(json_text) : parsed;
}

}  // namespace

void add_record(const LegacyRecord& record, LegacySummary& summary) {
  if (record.of_all) return;
  ++summary.records;
  ++summary.by_kind[static_cast<std::size_t>(record.place.kind)];
  ++summary.by_verdict[record.seal.verdict];
  summary.raw += record.raw ? 1 : 0;
  summary.hash_invalid += record.hash == LegacyHash::invalid ? 1 : 0;
  if (record.mapped_from) {
    auto& mapped = summary.mapped[*record.mapped_from];
    mapped.first = record.seal.verdict;
    ++mapped.second;
  }
  if (record.time) {
    summary.oldest = std::min(summary.oldest.value_or(*record.time), *record.time);
    summary.newest = std::max(summary.newest.value_or(*record.time), *record.time);
  }
}

std::string describe_problem(const LegacyProblem& problem) {
  if (problem.kind == LegacyKind::database && problem.line != 0) {
    return fmt::format("{}: row {}: {}", problem.source, problem.line, problem.reason);
  }
  const std::string line = problem.line > 0 ? std::to_string(problem.line) + ":" : "";
  return fmt::format("{}:{} {}", problem.source, line, problem.reason);
}

void report_problem(const Context& context, LegacyProblem problem, LegacySummary& summary) {
  if (!context.globals.json) print_problem(describe_problem(problem));
  summary.problems.push_back(std::move(problem));
}

Json problems_json(const std::vector<LegacyProblem>& problems) {
  Json out = Json::array();
  for (const LegacyProblem& problem : problems) {
    out.push_back({{"file", problem.source},
                   {"line", problem.line > 0 ? Json(problem.line) : Json(nullptr)},
                   {"reason", problem.reason}});
    if (problem.kind == LegacyKind::database && problem.line != 0) out.back()["sequence"] = problem.line;
  }
  return out;
}

Json record_json(const LegacyRecord& record) {
  return {{"kind", legacy_kind_name(record.place.kind)},
          {"source", record.place.source},
          {"line", record.place.line > 0 ? Json(record.place.line) : Json(nullptr)},
          {"session_id", record.seal.session_id},
          {"verdict", verdict_name(record.seal.verdict)},
          {"original_verdict", record.mapped_from ? original(*record.mapped_from) : Json(nullptr)},
          {"timestamp", original(record.timestamp)},
          {"time", record.time ? Json(format_timestamp(*record.time)) : Json(nullptr)},
          {"authority", record.seal.authority},
          {"seal_id", record.seal.seal_id ? Json(format_uuid(*record.seal.seal_id)) : Json(nullptr)},
          {"sha256", to_hex(record.sha256)},
          {"raw", record.raw},
          {"hash_valid", record.hash == LegacyHash::none ? Json(nullptr) : Json(record.hash == LegacyHash::valid)}};
}

Json summary_json(const LegacySummary& summary) {
  Json kinds = Json::object(), verdicts = Json::object(), mapped = Json::array();
  for (const LegacyKind kind : legacy_kinds) {
    const std::uint64_t count = summary.by_kind[static_cast<std::size_t>(kind)];
    if (kind == LegacyKind::database && count == 0) continue;  // never in a directory
    kinds[std::string(legacy_kind_name(kind))] = count;
  }
  for (const auto& [verdict, count] : summary.by_verdict) verdicts[std::string(verdict_name(verdict))] = count;
  for (const auto& [from, to] : summary.mapped) {
    mapped.push_back({{"from", original(from)}, {"to", verdict_name(to.first)}, {"records", to.second}});
  }
  return {{"records", summary.records},
          {"kinds", kinds},
          {"verdicts", verdicts},
          {"mapped_verdicts", mapped},
          {"raw", summary.raw},
          {"hash_invalid", summary.hash_invalid},
          {"oldest", summary.oldest ? Json(format_timestamp(*summary.oldest)) : Json(nullptr)},
          {"newest", summary.newest ? Json(format_timestamp(*summary.newest)) : Json(nullptr)}};
}

void print_summary(const LegacySummary& summary, const std::vector<std::string>& ignored) {
  Table table({"KIND", "RECORDS"});
  for (const LegacyKind kind : legacy_kinds) {
    const std::uint64_t count = summary.by_kind[static_cast<std::size_t>(kind)];
    if (count > 0) table.add({{std::string(legacy_kind_name(kind))}, {std::to_string(count), Colour::none, true}});
  }
  table.add({{"all", Colour::bold}, {std::to_string(summary.records), Colour::bold, true}});
  table.print();
  Fields fields;
  for (const auto& [verdict, count] : summary.by_verdict) {
    fields.emplace_back(verdict_name(verdict), std::to_string(count));
  }
  for (const auto& [from, to] : summary.mapped) {
    fields.emplace_back(
        fmt::format("{} becomes {}", printable(from == "null" ? "no verdict" : from), verdict_name(to.first)),
        std::to_string(to.second));
  }
  if (summary.raw > 0)
    fields.emplace_back("kept as bytes", fmt::format("{} (JSON that a payload must not hold)", summary.raw));
  if (summary.hash_invalid > 0) fields.emplace_back("entry_hash wrong", std::to_string(summary.hash_invalid));
  if (summary.oldest) fields.emplace_back("oldest", format_timestamp(*summary.oldest));
  if (summary.newest) fields.emplace_back("newest", format_timestamp(*summary.newest));
  fields.emplace_back("problems", std::to_string(summary.problems.size()));
  print_fields(fields);
  for (const std::string& name : ignored) print_note("left alone, no part of a vault: " + name);
}

}  // namespace vault::ctl
