#include "tools/vaultctl/entry_columns.hpp"

#include <array>

#include "ledger/nearest.hpp"
#include "tools/common/terminal.hpp"

namespace vault::ctl {
namespace {

constexpr int spare_hash = 3, spare_authority = 2;

std::string hash_value(const EntryView& entry, Hash Entry::*hash) {
  return entry.sealed != nullptr ? to_hex(entry.sealed->*hash) : std::string();
}

Cell hash_cell(const EntryView& entry, Hash Entry::*hash, bool wide) {
  if (entry.sealed == nullptr) return {"(emergency)", Colour::dim};
  return {wide ? to_hex(entry.sealed->*hash) : short_hash(entry.sealed->*hash) + "…", Colour::dim};
}

std::string sequence_value(const EntryView& entry) {
  return entry.sealed != nullptr ? std::to_string(entry.sealed->sequence) : std::string();
}

const std::array<EntryColumn, 11>& all_columns() {
  static const std::array<EntryColumn, 11> columns{{
      {"sequence", "", Heading("SEQUENCE", false, 0),
       [](const EntryView& entry, bool) {
         return Cell{entry.sealed != nullptr ? sequence_value(entry) : "-", Colour::none, true};
       },
       sequence_value},
      {"timestamp", "time", Heading("TIMESTAMP", false, 0),
       [](const EntryView& entry, bool) { return Cell{shown_time(entry.timestamp)}; },
       [](const EntryView& entry) { return format_timestamp(entry.timestamp); }},
      {"verdict", "", Heading("VERDICT", false, 0),
       [](const EntryView& entry, bool) {
         return Cell{std::string(verdict_name(entry.verdict)), verdict_colour(entry.verdict)};
       },
       [](const EntryView& entry) { return std::string(verdict_name(entry.verdict)); }},
      {"session_id", "session", Heading("SESSION", true, 0),
       [](const EntryView& entry, bool) { return Cell{printable(entry.session_id)}; },
       [](const EntryView& entry) { return std::string(entry.session_id); }},
      {"authority", "", Heading("AUTHORITY", true, spare_authority),
       [](const EntryView& entry, bool) { return Cell{printable(entry.authority)}; },
       [](const EntryView& entry) { return std::string(entry.authority); }},
      {"entry_hash", "hash", Heading("ENTRY HASH", false, spare_hash),
       [](const EntryView& entry, bool wide) { return hash_cell(entry, &Entry::entry_hash, wide); },
       [](const EntryView& entry) { return hash_value(entry, &Entry::entry_hash); }},
      {"seal_id", "", Heading("SEAL ID", false, 0),
       [](const EntryView& entry, bool) { return Cell{format_uuid(entry.seal_id)}; },
       [](const EntryView& entry) { return format_uuid(entry.seal_id); }},
      {"data_hash", "", Heading("DATA HASH", false, 0),
       [](const EntryView& entry, bool wide) { return hash_cell(entry, &Entry::data_hash, wide); },
       [](const EntryView& entry) { return hash_value(entry, &Entry::data_hash); }},
      {"prev_hash", "", Heading("PREV HASH", false, 0),
       [](const EntryView& entry, bool wide) { return hash_cell(entry, &Entry::prev_hash, wide); },
       [](const EntryView& entry) { return hash_value(entry, &Entry::prev_hash); }},
      {"merkle_root", "root", Heading("MERKLE ROOT", false, 0),
       [](const EntryView& entry, bool wide) { return hash_cell(entry, &Entry::merkle_root, wide); },
       [](const EntryView& entry) { return hash_value(entry, &Entry::merkle_root); }},
      {"seal_data", "data", Heading("SEAL DATA", true, 0),
       [](const EntryView& entry, bool) { return Cell{entry.seal_data ? printable(*entry.seal_data) : "(erased)"}; },
       [](const EntryView& entry) { return std::string(entry.seal_data.value_or("")); }},
  }};
  return columns;
}

constexpr std::size_t usual_columns = 6;  // the first

}  // namespace

Result<std::vector<const EntryColumn*>> choose_columns(const std::vector<std::string>& names) {
  std::vector<const EntryColumn*> chosen;
  std::vector<std::string> known;
  for (const EntryColumn& column : all_columns()) known.emplace_back(column.name);
  for (const std::string& name : names) {
    const std::size_t before = chosen.size();
    for (const EntryColumn& column : all_columns()) {
      if (name == column.name || (name == column.short_name && !name.empty())) chosen.push_back(&column);
    }
    if (chosen.size() > before) continue;
    const std::string_view meant = nearest(name, std::span<const std::string>(known));
    return fail(
        ErrorCode::invalid_argument,
        "there is no column \"" + name + "\"" +
            (meant.empty() ? "; there are: " + column_names() : "; did you mean \"" + std::string(meant) + "\"?"),
        "columns");
  }
  for (std::size_t i = 0; names.empty() && i < usual_columns; ++i) chosen.push_back(&all_columns()[i]);
  return chosen;
}

std::string column_names() {
  std::string names;
  for (const EntryColumn& column : all_columns()) names += (names.empty() ? "" : ", ") + std::string(column.name);
  return names;
}

Table entry_table(const std::vector<const EntryColumn*>& columns, const std::vector<EntryView>& entries, bool wide) {
  std::vector<Heading> headings;
  for (const EntryColumn* column : columns) headings.push_back(column->heading);
  Table table(std::move(headings));
  for (const EntryView& entry : entries) {
    std::vector<Cell> row;
    for (const EntryColumn* column : columns) row.push_back(column->cell(entry, wide));
    table.add(std::move(row));
  }
  return table;
}

std::string csv_line(const std::vector<std::string>& values) {
  std::string line;
  for (const std::string& value : values) {
    if (&value != &values.front()) line += ',';
    if (value.find_first_of(",\"\r\n") == std::string::npos) {
      line += value;
      continue;
    }
    line += '"';
    for (const char c : value) line += c == '"' ? std::string("\"\"") : std::string(1, c);
    line += '"';
  }
  return line + "\r\n";
}

}  // namespace vault::ctl
