// A range of entries as people name it on the command line, by sequences or by times, and what it is in this ledger.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>

#include "ledger/page.hpp"
#include "ledger/result.hpp"

namespace vault::ctl {

// nothing, an entry's sequence, or a time.
using EntryBound = std::variant<std::monostate, std::int64_t, Timestamp>;

struct EntryRange {
  EntryBound from, to;
};

// --from and --to. Digits alone are a sequence, whatever else is a time (tools/common/times.hpp). `what` is done with
// the entries: "check".
void add_range(CLI::App& command, EntryRange& range, const std::string& what);

struct SequenceRange {
  std::optional<std::int64_t> from, to;  // both inclusive
};

// Error: invalid_argument where both ends are sequences, the wrong way round. Before anybody is asked.
Status check_range(const EntryRange& range);

// As query has it: from the first entry at a time or after it, up to the last one before a time. `ask` answers with a
// page of the ledger, and is not called for ends that are sequences. Errors: those of `ask`; not_found where no entry
// is in the range.
Result<SequenceRange> find_range(const EntryRange& range, const std::function<Result<Page>(const PageRequest&)>& ask);

}  // namespace vault::ctl
