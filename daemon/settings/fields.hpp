// The table of settings: one row each, from which flags, variables, file keys, checks and --check-config are derived.
//
// A value is written in the same way on the command line, in the environment and in the file, where all of them may be
// in quotes:
//   text      as it is; always in quotes in the file
//   list      of texts: the flag once for each, the variable with commas, the file with a TOML array
//   number    decimal digits
//   size      bytes, or with a unit (ledger/quantity.hpp): 64KiB
//   boolean   true, false, 1 or 0; the flag also without a value
//   duration  with its unit (ledger/quantity.hpp): 250ms, 1h30m; a number alone is seconds
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "daemon/settings/settings.hpp"
#include "ledger/result.hpp"

namespace vault {

using SettingMember = std::variant<std::string Settings::*, std::vector<std::string> Settings::*, bool Settings::*,
                                   std::size_t Settings::*, std::chrono::milliseconds Settings::*,
                                   std::optional<std::int64_t> Settings::*>;

struct SettingField {
  std::string_view name;  // a_b: key in the file; variable_of() and flag_of() are derived
  std::string_view help;
  SettingMember member;
  std::int64_t min = 0;  // numbers, and durations in milliseconds
  std::int64_t max = 0;
  // For texts, and each text of a list: returns what is wanted, or nullptr if `text` is fine. nullptr: no check.
  const char* (*wants)(const std::string& text) = nullptr;
};

std::span<const SettingField> setting_fields();
// nullptr if there is no setting of that name.
const SettingField* find_setting(std::string_view name);
// The setting's name nearest to a misspelt one, for the error message; empty if none is near.
std::string_view nearest_setting(std::string_view name);

std::string flag_of(const SettingField& field);      // --a-b
std::string variable_of(const SettingField& field);  // VAULT_A_B; VAULTD_EVENTS for `events`

// The default as --help shows it: "30s"; "" if there is none.
std::string format_default(const SettingField& field);
// "TIME", "SIZE", "N", "PATH", "EP": the placeholder after the flag in --help.
std::string placeholder_of(const SettingField& field);

// Sets a field from flag or variable. `texts` has one member unless the field is a list. The error's message says what
// is wanted and what was found; the caller adds where.
Status set_from_texts(const SettingField& field, const std::vector<std::string>& texts, Settings& settings);
// Sets a number, boolean or optional number.
Status set_from_integer(const SettingField& field, std::int64_t value, Settings& settings);
// Checks range and form of the value in `settings`.
Status check_field(const SettingField& field, const Settings& settings);
// "a number from 1 to 64", "a duration such as 30s, 500ms or 1h30m, from 1ms to 24h", ...
std::string describe_wanted(const SettingField& field);

}  // namespace vault
