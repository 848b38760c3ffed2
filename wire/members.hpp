// Members that a message may hold, and the refusal of one that it may not (docs/protocol.md, "Messages"). A misspelt
// name must not be lost in silence: without its seal_id a seal that is sent again is sealed again.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "ledger/result.hpp"

namespace vault {

// The members of a seal.
std::span<const std::string_view> seal_members();

// "x-…": nobody's but the producer's own (a trace id, say), and ignored.
bool is_ignored_member(std::string_view name);

// The refusal of member `name`. `what` begins the message ("a seal", "query"); `owner` is the path of the map that
// holds the member, empty for the message itself; `known` is what may stand there. The message offers the known name
// that is nearest, if one is near. Cost: in proportion to the known names; of a long name only the beginning is looked
// at.
Error unknown_member(std::string_view what, std::string owner, std::string_view name,
                     std::span<const std::string_view> known);

// The refusal of an operation that there is not, in the same way. nullopt: the message names none.
Error unknown_operation(std::optional<std::string_view> name, std::span<const std::string_view> known);

}  // namespace vault
