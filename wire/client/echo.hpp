// The other end of an empty round trip through ZeroMQ, which measures what a message costs between two processes that
// do nothing with it. vault-bench compares its figures for single seals with this.
#pragma once

#include <string>
#include <string_view>

#include "ledger/result.hpp"

namespace vault {

// The shortest message that LoadGenerator takes for an acknowledgement when it comes back: {"ok":true}.
inline constexpr std::string_view echo_message("\x81\xa2ok\xc3", 5);

// Binds a ROUTER and sends every message back to its sender until the process is ended. Returns only with an error:
// invalid_argument for an endpoint that cannot be bound, internal for any other ZeroMQ error.
Status echo_for_ever(const std::string& endpoint);

}  // namespace vault
