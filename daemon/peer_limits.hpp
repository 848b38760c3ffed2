// What peers may cost, out of the settings: connections, descriptors, bytes. docs/operating.md ("Memory") adds it up.
#pragma once

#include <cstddef>

#include "daemon/settings/settings.hpp"

namespace vault {

// Raises the soft limit of descriptors to the hard one and logs it; returns what is in force now.
std::size_t raise_descriptor_limit();
// How many connections this many descriptors allow: those that vaultd needs for itself stay free.
std::size_t peers_that_fit(std::size_t descriptors, const Settings& settings);

// Tells the guard (peer_guard.hpp) what the settings allow. Before the sockets are bound.
void guard_peers(const Settings& settings);
// What of it follows the settings while vaultd runs.
void guard_message_size(const Settings& settings);

}  // namespace vault
