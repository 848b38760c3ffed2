// --preflight: checks whatever a start would need, without taking anything from a running vaultd: no lease, no lock, no
// socket.
#pragma once

#include "daemon/settings/settings.hpp"

namespace vault {

// Prints the settings that differ from their defaults and where they come from, then a line for each check: files,
// keys, places of sockets, the database, its schema, the rights there, and whether the key is the ledger's. Returns the
// exit code with which a start would end: that of the first failed check, 1 if it may pass by itself.
int run_preflight(const Settings& settings);

}  // namespace vault
