// What an offline check found to hold, for people and for programs.
#pragma once

#include <nlohmann/json.hpp>

#include "tools/vaultctl/offline_check.hpp"

namespace vault::ctl {

// Whoever signs for it must have read what it is: the entry's members stand there, not only that it is valid.
void print_proven(const Proven& proven);
// {valid: true, sequence, …}; with the entry's members where the leaf tells them.
nlohmann::ordered_json proven_json(const Proven& proven);

}  // namespace vault::ctl
