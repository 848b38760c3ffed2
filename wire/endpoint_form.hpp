// What an endpoint looks like, before ZeroMQ is asked.
#pragma once

#include <string>

#include "ledger/result.hpp"

namespace vault {

// ipc://PATH or tcp://HOST:PORT. Error: invalid_argument, `field` "endpoint"; the message repeats nothing that may be a
// piece of a password, since a database's URL is easily put here.
Status check_endpoint(const std::string& endpoint);

}  // namespace vault
