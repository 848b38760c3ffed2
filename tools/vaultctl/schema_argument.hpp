// --schema: the only argument whose check needs the store, and so not among those shared with vault-mcp.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace vault::ctl {

// Goes with --database. `out` holds the default. Throws CLI::ValidationError while the command line is being parsed.
CLI::Option* add_schema(CLI::App& command, std::string& out);

}  // namespace vault::ctl
