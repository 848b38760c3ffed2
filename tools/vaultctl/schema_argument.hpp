// --schema: the only argument that needs the store to be judged, and so not among those that vault-mcp shares.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace vault::ctl {

// Beside --database. `out` holds the default. Throws CLI::ValidationError while the command line is being parsed.
CLI::Option* add_schema(CLI::App& command, std::string& out);

}  // namespace vault::ctl
