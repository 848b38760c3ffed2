// The members that a message may hold, and the refusal of any other (docs/protocol.md, "Messages"). A misspelt name
// must not be ignored silently: a retried seal without its seal_id would be sealed twice.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "ledger/result.hpp"

namespace vault {

// The members of a seal.
std::span<const std::string_view> seal_members();

// "x-…": for the producer's own use (a trace id, say), and ignored.
bool is_ignored_member(std::string_view name);

// The refusal of member `name`. `what` begins the message ("a seal", "query"); `owner` is the path of the map that
// holds the member, empty for the message itself; `known` lists the allowed names. The message suggests the nearest
// known name, if one is near. Cost: in proportion to the known names; only the beginning of a long name is examined.
Error unknown_member(std::string_view what, std::string owner, std::string_view name,
                     std::span<const std::string_view> known);

// The refusal of an unknown operation, in the same way. nullopt: the message names none.
Error unknown_operation(std::optional<std::string_view> name, std::span<const std::string_view> known);

}  // namespace vault
