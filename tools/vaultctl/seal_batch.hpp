// Sealing a stream of seals with many requests in flight.
#pragma once

#include <string>

#include "tools/vaultctl/command.hpp"

namespace vault::ctl {

// Seals the JSON objects on the lines of `path` ("-": stdin) and prints one line of JSON for each, in the order of the
// input: the receipt, or the error map with `line` (and `seal_id` where the line was sent) added. A bad line does not
// stop the others. What vaultd could not take for the moment is sent again, under the same seal_id, until --timeout has
// passed; then reading stops. Returns the exit code of the worst that happened: 3 before 1 before 2.
int run_seal_batch(const Context& context, const std::string& path, bool sign);

}  // namespace vault::ctl
