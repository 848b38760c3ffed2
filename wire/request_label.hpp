// What of a request goes into the log at debug: enough to find a producer's call again. Its payload never does.
#pragma once

#include <string>
#include <string_view>

#include "wire/message.hpp"

namespace vault {

// The id as people wrote it: text as it is, a number in digits; of what is longer than 128 bytes the beginning.
std::string label_of(const RequestId& id);
// Its `op`, as the protocol calls it.
std::string_view name_of(const Operation& operation);
// The member x-trace, in the same form; "" where there is none, or it is neither text nor a whole number. Reads the
// message once more, with next to no memory: for debug only.
std::string trace_of(std::string_view message);

}  // namespace vault
