// The server loop from stdin to stdout.
#pragma once

#include "tools/common/connect.hpp"

namespace vault::mcp {

// SIGTERM and SIGINT end the process at once, with exit code 0: vaultd completes what is under way, and nobody waits
// for it.
void handle_signals();

// Serves until stdin ends, then answers what has been read, as long as that makes progress, and returns the exit code.
int serve(const ctl::DaemonAddress& daemon);

}  // namespace vault::mcp
