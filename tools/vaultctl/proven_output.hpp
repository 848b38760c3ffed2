// Shows what an offline check found to hold, for people and for programs.
#pragma once

#include <nlohmann/json.hpp>

#include "tools/vaultctl/offline_check.hpp"

namespace vault::ctl {

// Whoever relies on the result must see what was proven: shows the entry's members, not only that it is valid.
void print_proven(const Proven& proven);
// {valid: true, sequence, …}; with the entry's members if the leaf has them.
nlohmann::ordered_json proven_json(const Proven& proven);

}  // namespace vault::ctl
