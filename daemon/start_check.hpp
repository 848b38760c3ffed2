// What a start finds around it, looked at before anything is made, opened for writing or taken: files that settings
// name, keys, the places of sockets. Each refusal names setting and path, so that a slip in a path costs a look and not
// a file.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/settings/settings.hpp"
#include "ledger/result.hpp"

namespace vault {

// libzmq deletes whatever is at the path of an ipc endpoint before it binds. nullopt if that is nothing or a socket,
// else what it is: "a file, not a socket". A link is never followed, wherever it leads: it would be the link that is
// deleted, and the socket would not be where the link says.
std::optional<std::string> find_obstacle(const std::string& path);

// The directory of an ipc endpoint's socket must be there. It is made (0750) only if it is the service's own
// RuntimeDirectory. Error: not_found naming it.
Status check_socket_directory(const std::string& endpoint);

// Files, keys, directories of sockets and the group that the settings name. `named_only`: what lies at places that
// nobody has named is not looked at, and nothing is made, for --check-config, which may be run by somebody who has no
// business there.
// Error: invalid_argument (exit code 2), forbidden or not_found (exit code 4), naming the setting.
Status check_surroundings(const Settings& settings, bool named_only);

// The same, all of it instead of the first that is wrong: what was looked at, and what came of it.
std::vector<std::pair<std::string, Status>> survey_surroundings(const Settings& settings, bool named_only);

}  // namespace vault
