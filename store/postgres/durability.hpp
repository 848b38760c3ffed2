// Checks whether this session's commits survive a power failure. Asked before anything is promised, since most of what
// durability depends on can be changed on a running server.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ledger/result.hpp"
#include "store/postgres/connection.hpp"

namespace vault {

struct Durability {
  // The promise that cannot be kept, and how to fix it; nullopt if all can be kept.
  std::optional<std::string> broken;
  // Settings with which a machine failure may still cost entries, depending on its disks.
  std::vector<std::string> cautions;
};

// The statement that must be prepared for this.
extern const PgStatement durability_statement;

// Checks whether commits of this session wait for the disk (and a standby, if the server names one), whether the server
// accepts writes at all, whether the ledger's tables are logged, and whether the session is still served by the server
// process that it was opened on. `commits_promise` is false for a session whose own commits promise nothing. Error:
// those of error_of().
Result<Durability> look_at_durability(PgConnection& connection, bool commits_promise = true);

// Within an open transaction: an error of code `unavailable` that names the promise that its COMMIT would not keep.
Status require_durability(PgConnection& connection);

}  // namespace vault
