// Seals a stream of seals with many requests in flight.
#pragma once

#include <string>

#include "tools/vaultctl/command.hpp"

namespace vault::ctl {

struct BatchOptions {
  std::string path;  // "-": stdin
  bool sign = false;
  bool resume = false;  // derive seal_ids from file and line: not with stdin
};

// Seals the JSON objects on the lines of a file and prints one line of JSON for each, in the order of the input: the
// receipt, or the error map with `line` (and `seal_id` if the line was sent) added. A bad line does not stop the
// others. Seals that vaultd cannot take at the moment are sent again, under the same seal_id, until --timeout has
// passed; then reading stops. SIGINT and SIGTERM stop it too: what has been sent gets 2 s. Returns the exit code of the
// worst event: 128 + signal before 3 before 4 before 1 before 2.
int run_seal_batch(const Context& context, const BatchOptions& options);

// check_draft(); of a misspelt verdict it says which one was probably meant.
Result<Seal> check_seal(const SealDraft& draft);

}  // namespace vault::ctl
