// Times as people write them, on the command line.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "ledger/timestamp.hpp"

namespace vault::ctl {

// The instant that `text` names; nullopt if it is not a time.
//   now, today, yesterday, tomorrow      the days: midnight, local time
//   -1h, -90m, -2d12h, 3 days ago        before `now` (ledger/quantity.hpp)
//   ISO 8601: 2026-11-28, 20261128, 2026-332, 2026-W48-6; with a time after T or a blank, from hours to fractions of
//   a second (truncated to microseconds), with Z, +01:00, +0100 or +01; without: local time (TZ, as in the C library).
//   A date alone means its midnight. 24:00 means the next day's.
// Years 1970 to 9999. With `Zone::utc`, UTC replaces local time above.
enum class Zone { local, utc };
std::optional<Timestamp> parse_time(std::string_view text, Timestamp now, Zone zone = Zone::local);

// "2026-11-28T15:30:05.123456+01:00": in local time; parse_time() reads it back.
std::string format_local(Timestamp time);

// The forms that parse_time() accepts, for messages and help.
inline constexpr const char* time_forms = "2026-11-28, '2026-11-28 14:30', 2026-11-28T14:30:00Z, yesterday, -1h";

// An option whose value is a time. Anything else ends with exit code 2 and shows `time_forms`.
CLI::Option* add_time(CLI::App& command, const std::string& name, std::optional<Timestamp>& out,
                      const std::string& help);

}  // namespace vault::ctl
