// The first line of the log, which gives the context for all later ones.
#pragma once

#include <string>

#include "daemon/settings/settings.hpp"

namespace vault {

std::string host_name();

// Logs version, process, endpoints, database (never its password), and directories.
void report_start(const Settings& settings);

}  // namespace vault
