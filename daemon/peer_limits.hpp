// Limits on peers, derived from the settings: connections, descriptors, bytes. docs/operating.md ("Memory") adds them
// up.
#pragma once

#include <cstddef>

#include "daemon/settings/settings.hpp"

namespace vault {

// Raises the soft limit of descriptors to the hard one and logs it; returns the limit now in force.
std::size_t raise_descriptor_limit();
// How many connections this many descriptors allow: those that vaultd needs for itself stay free.
std::size_t peers_that_fit(std::size_t descriptors, const Settings& settings);

// Gives the guard (peer_guard.hpp) the limits from the settings. Call before the sockets are bound.
void guard_peers(const Settings& settings);
// The part that follows the settings while vaultd runs.
void guard_message_size(const Settings& settings);

}  // namespace vault
