// --preflight: what a start would try, without taking anything from a vaultd that runs: no lease, no lock, no socket.
#pragma once

#include "daemon/settings/settings.hpp"

namespace vault {

// Prints the settings that are no defaults and where they come from, then a line for each thing that was looked at:
// files, keys, places of sockets, the database, its schema, the rights there, and whether the key is the ledger's. The
// exit code with which a start would end: that of the first thing that will not do, 1 where it may pass by itself.
int run_preflight(const Settings& settings);

}  // namespace vault
