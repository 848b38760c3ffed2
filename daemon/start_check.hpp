// Checks the surroundings of a start before anything is made, opened for writing or taken: files that settings name,
// keys, the places of sockets. Each refusal names setting and path, so that a typo in a path costs no file.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/settings/settings.hpp"
#include "ledger/result.hpp"

namespace vault {

// libzmq deletes whatever is at the path of an ipc endpoint before it binds. nullopt if there is nothing or a socket,
// otherwise what it is: "a file, not a socket". Links are never followed: libzmq would delete the link itself, and the
// socket would not be where the link points.
std::optional<std::string> find_obstacle(const std::string& path);

// The directory of an ipc endpoint's socket must exist. It is made (0750) only if it is the service's own
// RuntimeDirectory. Error: not_found naming it.
Status check_socket_directory(const std::string& endpoint);

// Checks files, keys, directories of sockets and the group named by the settings. `named_only`: ignores places that
// nobody has named, and makes nothing; for --check-config, which may be run by somebody without access there.
// Error: invalid_argument (exit code 2), forbidden or not_found (exit code 4), naming the setting.
Status check_surroundings(const Settings& settings, bool named_only);

// The same, but reports every check instead of only the first failure: what was checked, and the outcome.
std::vector<std::pair<std::string, Status>> survey_surroundings(const Settings& settings, bool named_only);

}  // namespace vault
