// vaultctl legacy: shared by its four actions. Output is in legacy_output.cpp, the import in legacy_import.cpp.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "store/legacy/directory.hpp"
#include "store/postgres/place.hpp"
#include "tools/vaultctl/command.hpp"

namespace vault::ctl {

// Everything found in a vault so far.
struct LegacySummary {
  std::array<std::uint64_t, std::size(legacy_kinds)> by_kind{};
  std::map<Verdict, std::uint64_t> by_verdict;                      // as they are, or would be, sealed
  std::map<std::string, std::pair<Verdict, std::uint64_t>> mapped;  // original verdict as JSON text -> verdict, records
  std::uint64_t records = 0, raw = 0, hash_invalid = 0;
  std::optional<Timestamp> oldest, newest;
  std::vector<LegacyProblem> problems;
};
void add_record(const LegacyRecord& record, LegacySummary& summary);

// "FILE:LINE: reason", or "TABLE: row N: reason".
std::string describe_problem(const LegacyProblem& problem);
// Stores the problem; without --json also reports it on stderr at once.
void report_problem(const Context& context, LegacyProblem problem, LegacySummary& summary);

nlohmann::ordered_json problems_json(const std::vector<LegacyProblem>& problems);
// A record without its payload.
nlohmann::ordered_json record_json(const LegacyRecord& record);
// The counts that stats and import have in common.
nlohmann::ordered_json summary_json(const LegacySummary& summary);
// The same as a table and lines on stdout.
void print_summary(const LegacySummary& summary, const std::vector<std::string>& ignored);

// `legacy import`. Without --dry-run it asks vaultd to seal every record. Returns the exit code: 3 if vaultd could not
// take them all, otherwise 1 if anything was reported or refused.
int run_legacy_import(const Context& context, const std::string& directory, bool dry_run);
// The same for the old service's table. Problems with a row that is already in the ledger are known, and not reported
// again.
int run_legacy_import(const Context& context, const PostgresPlace& database, bool dry_run);

}  // namespace vault::ctl
