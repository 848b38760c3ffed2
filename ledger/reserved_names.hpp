// Names reserved for vaultd itself (docs/ledger-format.md, "Entry"). Statements that vaultd seals about itself, such as
// a rollback accepted by an operator, carry them. So no peer may seal under them, whatever its roles.
//
// Only these exact bytes are reserved. A name that merely looks like one ("Vaultd", "vaultd " with a trailing space,
// one with a Cyrillic letter) is an ordinary name, and a reader that decides by the name must compare bytes too.
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

// Anybody can compute the seal_ids of vaultd's own seals, so nobody else may use them: they are UUIDs of version 8 that
// begin with the bytes of "vaultd", 7661756c-7464-8....
bool is_reserved_seal_id(const Uuid& seal_id);
// Deterministic: the same name always gives the same seal_id.
Uuid make_reserved_seal_id(const Uuid& name_space, std::string_view name);

// Error: forbidden, with `field` "<owner>.authority", "<owner>.session_id" or "<owner>.seal_id", checked in this order;
// without "<owner>." if `owner` is empty.
Status check_not_reserved(std::string_view session_id, std::string_view authority, std::string_view owner,
                          const std::optional<Uuid>& seal_id = std::nullopt);

}  // namespace vault
