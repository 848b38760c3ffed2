// The first line of the log: what every later one is read with.
#pragma once

#include <string>

#include "daemon/settings/settings.hpp"

namespace vault {

std::string host_name();

// Version, process, endpoints, database (never its password), where things lie.
void tell_start(const Settings& settings);

}  // namespace vault
