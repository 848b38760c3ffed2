// Output for people: names and values, problems and hints; colours, tables and progress have files of their own.
// Foreign text is made harmless before it is shown: control characters could drive the terminal.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ledger/bytes.hpp"
#include "tools/common/colour.hpp"
#include "tools/common/display_width.hpp"
#include "tools/common/entry_view.hpp"
#include "tools/common/progress.hpp"
#include "tools/common/table.hpp"

namespace vault::ctl {

// escape_unprintable() of ledger/printable.hpp: \u0085, \u202e. Newlines stay if `keep_newlines`.
std::string printable(std::string_view text, bool keep_newlines = false);

// The first 16 digits of the hash.
std::string short_hash(const Hash& hash);

using Fields = std::vector<std::pair<std::string, std::string>>;
// Names and values on stdout, aligned.
void print_fields(const Fields& fields);

// In UTC, as for programs, or after show_local_times() in local time with its offset.
std::string shown_time(Timestamp time);
void show_local_times();

// "VOID (refused)", in its colour.
std::string shown_verdict(Verdict verdict);
// Everything about one entry.
Fields entry_fields(const EntryView& entry);

// Sentences on stdout, wrapped between words at the terminal's width.
void print_paragraph(std::string_view text);

// stderr; "vaultctl: " in front.
void print_problem(std::string_view text);
void print_hint(std::string_view text);
// stderr, for things worth knowing that are not results.
void print_note(std::string_view text);

bool stdout_is_terminal();

}  // namespace vault::ctl
