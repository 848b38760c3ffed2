// The server: stdin to stdout.
#pragma once

#include "tools/vaultctl/connect.hpp"

namespace vault::mcp {

// Serves until stdin ends, then answers what has been read, as long as that gets on, and returns the exit code.
// SIGTERM and SIGINT end the process at once: what is under way is vaultd's, and nobody waits for it here.
int serve(const ctl::DaemonAddress& daemon);

}  // namespace vault::mcp
