// Shows pages of entries: tables for people, CSV and NDJSON for programs, the protocol's own map as JSON.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "tools/vaultctl/command.hpp"

namespace vault::ctl {

struct ListingOptions {
  enum class Format { table, csv, ndjson };  // --json is a global flag, which -o json sets
  Format format = Format::table;
  bool wide = false;  // cut nothing
  bool no_headings = false;
  bool all = false;                  // go on to the last page
  std::vector<std::string> columns;  // by name; empty: the usual ones
  bool no_check = false;
};

// -o, --wide, --columns, --no-headers, --all and --no-check. Sets context.globals.json for -o json.
void add_listing(CLI::App& command, ListingOptions& options, Context& context);

// Asks vaultd for a page (with --all for all pages that follow), shows and checks it. `operation` makes the request
// from a page. Returns the exit code.
int show_listing(const Context& context, const ListingOptions& options, PageRequest page,
                 const std::function<Operation(const PageRequest&)>& operation);

}  // namespace vault::ctl
