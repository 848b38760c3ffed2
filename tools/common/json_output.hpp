// The protocol's MessagePack maps as JSON text without loss: integers of 64 bits keep every digit; a double always has
// a fraction or an exponent, so that a reader takes it for a double again (docs/ledger-format.md, "Payload").
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "ledger/result.hpp"

namespace vault::ctl {

// The JSON text of one MessagePack value, on one line, members in their original order. Error: internal if the bytes
// are not MessagePack, are nested over 100 deep, or contain a type that JSON lacks.
Result<std::string> msgpack_to_json(std::string_view bytes);

// The same for an event's map, with members put in front ("\"topic\":\"head\"", without braces; may be empty).
Result<std::string> msgpack_map_to_json(std::string_view bytes, std::string_view members_in_front);

// Passes the JSON text of each element of a map's array `member` to `element`. Error: as above, or internal if there is
// no such array.
Status for_each_in_array(std::string_view map_bytes, std::string_view member,
                         const std::function<void(std::string json)>& element);

// A string as JSON, with quotes.
std::string json_string(std::string_view text);

}  // namespace vault::ctl
