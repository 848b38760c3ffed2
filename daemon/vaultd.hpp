// vaultd put together: settings, state, database, actors, and the loop that watches over them.
#pragma once

#include <functional>

#include "daemon/settings.hpp"

namespace vault {

// Exit codes of vaultd (docs/operating.md): systemd does not restart it after `exit_configuration` and
// `exit_environment`.
inline constexpr int exit_stopped = 0;
inline constexpr int exit_failure = 1;
inline constexpr int exit_configuration = 2;
inline constexpr int exit_environment = 4;  // a file, a directory or a right is missing

// invalid_argument: configuration; forbidden and not_found: environment; anything else may pass by itself.
int exit_code_of(const Error& error);

// Runs until told to stop. SIGTERM, SIGINT and SIGHUP must be blocked in every thread before the call; they are read
// from a signalfd. `reload` reads the settings again (SIGHUP).
int run_vaultd(const Settings& settings, const std::function<Result<Settings>()>& reload);

}  // namespace vault
