#include "tools/vaultctl/entry_range.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "ledger/ascii.hpp"
#include "os/clock.hpp"
#include "tools/common/arguments.hpp"
#include "tools/common/terminal.hpp"
#include "tools/common/times.hpp"

namespace vault::ctl {
namespace {

EntryBound read_bound(const std::string& name, const std::string& text) {
  if (!text.empty() && std::all_of(text.begin(), text.end(), is_digit)) {
    const auto sequence = parse_integer(text);
    if (sequence && *sequence >= 1) return *sequence;
  } else if (const auto time = parse_time(text, Timestamp{wall_clock_micros()})) {
    return *time;
  }
  throw CLI::ValidationError(
      name, fmt::format("must be an entry's sequence, from 1, or a time ({}), not '{}'", time_forms, text));
}

void add_bound(CLI::App& command, const std::string& name, EntryBound& out, const std::string& help) {
  command
      .add_option_function<std::string>(
          name, [&out, name](const std::string& text) { out = read_bound(name, text); }, help)
      ->type_name("N|TIME");
}

using Ask = std::function<Result<Page>(const PageRequest&)>;

// The first entry of the pages that follow; nullopt where there is none.
Result<std::optional<std::int64_t>> first_of(PageRequest request, const Ask& ask) {
  request.limit = 1;
  for (;;) {
    const auto page = ask(request);
    if (!page) return tl::unexpected(page.error());
    if (!page->entries.empty()) return page->entries.front().sequence;
    if (!page->next_cursor) return std::nullopt;
    request.cursor = page->next_cursor;
  }
}

tl::unexpected<Error> nothing(const std::string& where, const char* field) {
  return fail(ErrorCode::not_found, "there is no entry " + where, field);
}

}  // namespace

void add_range(CLI::App& command, EntryRange& range, const std::string& what) {
  add_bound(command, "--from", range.from, "First entry to " + what + ": its sequence, or a time to begin at [1]");
  add_bound(command, "--to", range.to,
            "Last entry to " + what + ": its sequence, or a time before which it was sealed [the last]");
}

Status check_range(const EntryRange& range) {
  const auto* from = std::get_if<std::int64_t>(&range.from);
  const auto* to = std::get_if<std::int64_t>(&range.to);
  if (from == nullptr || to == nullptr || *from <= *to) return {};
  return fail(ErrorCode::invalid_argument, "--from is greater than --to", "from");
}

Result<SequenceRange> find_range(const EntryRange& range, const Ask& ask) {
  SequenceRange found;
  if (const auto* sequence = std::get_if<std::int64_t>(&range.from)) found.from = *sequence;
  if (const auto* sequence = std::get_if<std::int64_t>(&range.to)) found.to = *sequence;
  if (const auto* time = std::get_if<Timestamp>(&range.from)) {
    PageRequest request;
    request.from = *time;
    request.order = Order::ascending;
    const auto first = first_of(request, ask);
    if (!first) return tl::unexpected(first.error());
    if (!*first) return nothing("at " + shown_time(*time) + " or later", "from");
    found.from = **first;
  }
  if (const auto* time = std::get_if<Timestamp>(&range.to)) {
    PageRequest request;
    request.to = *time;
    const auto last = first_of(request, ask);  // the newest first
    if (!last) return tl::unexpected(last.error());
    if (!*last) return nothing("before " + shown_time(*time), "to");
    found.to = **last;
  }
  if (found.from && found.to && *found.from > *found.to) return nothing("between --from and --to", "from");
  return found;
}

}  // namespace vault::ctl
