// The columns in which entries can be shown.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ledger/result.hpp"
#include "tools/common/entry_view.hpp"
#include "tools/common/table.hpp"

namespace vault::ctl {

struct EntryColumn {
  std::string_view name;        // the member's name in the protocol
  std::string_view short_name;  // an accepted short form; "": none
  Heading heading;
  // The cell in a table, and the value for a program: in full, "" if the entry has none.
  Cell (*cell)(const EntryView& entry, bool wide);
  std::string (*value)(const EntryView& entry);
};

// The columns of these names; the usual ones if there are no names. Error: invalid_argument, field "columns", for an
// unknown name.
Result<std::vector<const EntryColumn*>> choose_columns(const std::vector<std::string>& names);
// "sequence, timestamp, ..."
std::string column_names();

Table entry_table(const std::vector<const EntryColumn*>& columns, const std::vector<EntryView>& entries, bool wide);

// A line of RFC 4180, with CR and LF at its end.
std::string csv_line(const std::vector<std::string>& values);

}  // namespace vault::ctl
