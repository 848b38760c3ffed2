// The part of a request that is logged at debug: enough to find a producer's call again, but never its payload.
#pragma once

#include <string>
#include <string_view>

#include "wire/message.hpp"

namespace vault {

// The id in readable form: text as it is, a number in digits; the beginning of anything longer than 128 bytes.
std::string label_of(const RequestId& id);
// The request's `op`, under its name in the protocol.
std::string_view name_of(const Operation& operation);
// The member x-trace, in the same form; "" if it is missing, or neither text nor a whole number. Parses the message
// again, with next to no memory: for debug only.
std::string trace_of(std::string_view message);

}  // namespace vault
