// Instants of the ledger: UTC, microseconds since the Unix epoch, always printed as YYYY-MM-DDTHH:MM:SS.ffffffZ.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace vault {

struct Timestamp {
  std::int64_t micros = 0;  // since 1970-01-01T00:00:00Z
  friend auto operator<=>(const Timestamp&, const Timestamp&) = default;
};

// Years 0001 to 9999. Others, which only a tampered row can hold, come out as 0000-00-00T00:00:00.000000Z: not a date,
// never sealed, so the row's hash cannot match.
std::string format_timestamp(Timestamp instant);
// Writes the 27 characters of the text form at `out`.
void write_timestamp(Timestamp instant, char* out);

// Strict: exactly six fractional digits, upper-case T and Z, a date that exists, no leap second.
std::optional<Timestamp> parse_timestamp(std::string_view text);

}  // namespace vault
