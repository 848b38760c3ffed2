// The TOML file of settings.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "daemon/settings/settings.hpp"
#include "ledger/result.hpp"

namespace vault {

// Sets what the file names. Returns the keys found. Error: invalid_argument beginning with "FILE:LINE: KEY: "; as
// read_input_file() where the file cannot be read.
Result<std::set<std::string>> apply_settings_file(const std::string& path, Settings& settings);

}  // namespace vault
