// Numbers, durations and sizes as people write them, in one grammar for every program: flags, settings, and times given
// as an age. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace vault {

// A whole number in decimal digits, with "-" if it is negative, and nothing around it. nullopt beyond 64 bits.
std::optional<std::int64_t> parse_integer(std::string_view text);

// Numbers with units, largest first, each unit once, optionally separated by blanks: "30s", "250ms", "1.5h", "1h30m",
// "2 days", "1 week". Units: ms, s, m, h, d, w, and their English names in singular and plural (sec and min too). Only
// the last number may have a fraction. A number alone means seconds, as for systemd and timeout(1). nullopt for
// anything else, and beyond 100 years.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

// 250 -> 250ms, 30000 -> 30s, 3600000 -> 1h: what parse_duration() reads back.
std::string format_duration(std::chrono::milliseconds duration);

// The same as parse_duration(), but a unit is required: 365 would mean days to one reader and seconds to another.
std::optional<std::chrono::milliseconds> parse_age(std::string_view text);

// For error messages.
inline constexpr std::string_view duration_form = "a duration such as 30s, 500ms or 1h30m";

// A number and a unit: "4096", "64KiB", "256 MiB", "1.5GiB", "20MB". Units: B, KiB, MiB, GiB, TiB (powers of 1,024),
// kB, MB, GB, TB (powers of 1,000), in any case; none: bytes. nullopt for anything else, for a fractional number of
// bytes, and beyond 2^62.
std::optional<std::int64_t> parse_size(std::string_view text);

}  // namespace vault
