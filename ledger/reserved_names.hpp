// Names that are vaultd's own (docs/ledger-format.md, "Entry"): what vaultd says of itself stands in the ledger under
// them, a rollback that an operator accepted, say. So no peer may seal under them, whatever its roles.
//
// Only these exact bytes count. A name that merely looks like one ("Vaultd", "vaultd " with a space behind it, a
// Cyrillic letter in it) is somebody else's, and a reader who decides by the name compares bytes too.
#pragma once

#include <optional>
#include <string_view>

#include "ledger/entry.hpp"
#include "ledger/result.hpp"

namespace vault {

inline constexpr std::string_view reserved_authority = "vaultd";
inline constexpr std::string_view rollback_session = "vaultd/rollback";

// "vaultd"
bool is_reserved_authority(std::string_view authority);
// "vaultd", and everything that begins with "vaultd/"
bool is_reserved_session(std::string_view session_id);

// The seal_ids of vaultd's own seals can be computed by everybody, so nobody else may take one before it: they are
// UUIDs of version 8 that begin with the bytes of "vaultd", 7661756c-7464-8....
bool is_reserved_seal_id(const Uuid& seal_id);
// Always the same for the same name.
Uuid make_reserved_seal_id(const Uuid& name_space, std::string_view name);

// Error: forbidden, with `field` "<owner>.authority", "<owner>.session_id" or "<owner>.seal_id", in this order; without
// "<owner>." where `owner` is empty.
Status check_not_reserved(std::string_view session_id, std::string_view authority, std::string_view owner,
                          const std::optional<Uuid>& seal_id = std::nullopt);

}  // namespace vault
