// Checks the form of an endpoint before it is given to ZeroMQ.
#pragma once

#include <string>

#include "ledger/result.hpp"

namespace vault {

// Accepts ipc://PATH or tcp://HOST:PORT. Error: invalid_argument, `field` "endpoint"; the message repeats nothing that
// may be part of a password, since a database URL is easily put here by mistake.
Status check_endpoint(const std::string& endpoint);

}  // namespace vault
