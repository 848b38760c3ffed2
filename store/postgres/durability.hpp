// Does what this session commits survive the loss of power? Asked before anything is promised, since most of what it
// rests on can be changed under a running server.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ledger/result.hpp"
#include "store/postgres/connection.hpp"

namespace vault {

struct Durability {
  // The promise that cannot be kept, and what mends it; nullopt where all are.
  std::optional<std::string> broken;
  // Settings with which a failure of the machine may cost entries all the same, depending on its disks.
  std::vector<std::string> cautions;
};

// The statement that this needs prepared.
extern const PgStatement durability_statement;

// Whether commits of this session wait for the disk (and a standby, where the server names one), whether the server
// writes at all, whether the ledger's tables are logged, and whether the session still is the server process that it
// was opened on. `commits_promise` is false for a session whose own commits promise nothing.
// Error: as error_of().
Result<Durability> look_at_durability(PgConnection& connection, bool commits_promise = true);

// Within an open transaction: an error of code `unavailable` that names the promise which its COMMIT would not keep.
Status require_durability(PgConnection& connection);

}  // namespace vault
