// Reads the TOML file of settings.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "daemon/settings/settings.hpp"
#include "ledger/result.hpp"

namespace vault {

// Sets the fields that the file names. Returns the keys found. Error: invalid_argument beginning with "FILE:LINE: KEY:
// "; those of read_whole_file() if the file cannot be read.
Result<std::set<std::string>> apply_settings_file(const std::string& path, Settings& settings);

}  // namespace vault
