// UUIDs (RFC 9562) as seal_ids: parsed from and printed as the 36-character text form.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ledger/timestamp.hpp"

namespace vault {

struct Uuid {
  std::array<std::uint8_t, 16> bytes{};
  friend auto operator<=>(const Uuid&, const Uuid&) = default;
};

struct UuidHash {
  std::size_t operator()(const Uuid& id) const;
};

// Lower-case text form.
std::string format_uuid(const Uuid& id);
void write_uuid(const Uuid& id, char* out);  // 36 characters

// Any version and variant; upper case is accepted and lowered by printing. nullopt for anything but the 36 characters.
std::optional<Uuid> parse_uuid(std::string_view text);

// UUIDv7 (RFC 9562 section 5.7): 48 bits of Unix milliseconds, the rest from `random`. Pure.
Uuid make_uuid_v7(Timestamp now, const std::array<std::uint8_t, 16>& random);

// UUIDv5 (RFC 9562 section 5.5): SHA-1 of the namespace's bytes and the name.
Uuid make_uuid_v5(const Uuid& name_space, std::string_view name);

}  // namespace vault
