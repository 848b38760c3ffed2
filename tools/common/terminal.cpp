#include "tools/common/terminal.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "ledger/printable.hpp"
#include "tools/common/pager.hpp"
#include "tools/common/times.hpp"
#include "tools/common/verdicts.hpp"

namespace vault::ctl {
namespace {

bool local_times = false;
constexpr std::size_t paragraph_columns = 100;  // if stdout is not a terminal

void put(std::FILE* file, std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), file);
}

}  // namespace

bool stdout_is_terminal() {
  return ::isatty(stdout_terminal()) == 1;
}

std::string printable(std::string_view text, bool keep_newlines) {
  return escape_unprintable(text, keep_newlines);
}

std::string short_hash(const Hash& hash) {
  return to_hex(hash).substr(0, 16);
}

void print_fields(const Fields& fields) {
  std::size_t width = 0;
  for (const auto& field : fields) width = std::max(width, display_width(field.first));
  for (const auto& [name, value] : fields) {
    put(stdout, coloured(name, Colour::dim) + std::string(width - display_width(name) + 2, ' ') + value + "\n");
  }
}

std::string shown_time(Timestamp time) {
  return local_times ? format_local(time) : format_timestamp(time);
}

void show_local_times() {
  local_times = true;
}

std::string shown_verdict(Verdict verdict) {
  return coloured(verdict_name(verdict), verdict_colour(verdict)) + " (" + std::string(verdict_meaning(verdict)) + ")";
}

Fields entry_fields(const EntryView& entry) {
  Fields fields;
  if (entry.sealed != nullptr) {
    fields.emplace_back("sequence", std::to_string(entry.sealed->sequence));
  } else {
    fields.emplace_back("backend",
                        coloured("legacy: kept as a file by the emergency mode, not in the chain yet", Colour::yellow));
  }
  fields.insert(fields.end(), {{"session", printable(entry.session_id)},
                               {"seal id", format_uuid(entry.seal_id)},
                               {"timestamp", shown_time(entry.timestamp)},
                               {"authority", printable(entry.authority)},
                               {"verdict", shown_verdict(entry.verdict)}});
  if (entry.sealed == nullptr) return fields;
  fields.insert(fields.end(), {{"data hash", to_hex(entry.sealed->data_hash)},
                               {"entry hash", to_hex(entry.sealed->entry_hash)},
                               {"prev hash", to_hex(entry.sealed->prev_hash)},
                               {"merkle root", to_hex(entry.sealed->merkle_root)}});
  return fields;
}

void print_paragraph(std::string_view text) {
  const std::size_t columns = terminal_columns(STDOUT_FILENO).value_or(paragraph_columns);
  std::string line;
  const auto end_line = [&] {
    put(stdout, line + "\n");
    line.clear();
  };
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string word(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.empty() && display_width(line) + 1 + display_width(word) > columns) end_line();
    line += (line.empty() ? "" : " ") + word;
  }
  end_line();
}

void print_problem(std::string_view text) {
  put(stderr, paint("vaultctl: ", Colour::red, wants_colour(STDERR_FILENO)) + printable(text, true) + "\n");
}

void print_hint(std::string_view text) {
  put(stderr, "  " + std::string(text) + "\n");
}

void print_note(std::string_view text) {
  put(stderr, printable(text, true) + "\n");
}

}  // namespace vault::ctl
