// Puts vaultd together: settings, state, database, actors, sockets.
#pragma once

#include <functional>

#include "daemon/exit_code.hpp"
#include "daemon/settings/settings.hpp"

namespace vault {

// Runs until stopped; returns the exit code. SIGTERM, SIGINT and SIGHUP must be blocked in every thread before the
// call; they are read from a signalfd. `reload` reads the settings again (SIGHUP).
int run_vaultd(const Settings& settings, const std::function<Result<Settings>()>& reload);

}  // namespace vault
