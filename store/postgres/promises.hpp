// The signed promises about this ledger that the database holds, as far as they can be believed (struct Promises in
// store.hpp). Anybody with the role of a writer can insert rows there; no row counts by itself.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "store/postgres/connection.hpp"
#include "store/store.hpp"

namespace vault {

// The statements that must be prepared for these queries.
std::span<const PgStatement> promise_statements();

// Within whatever transaction is open. Cost: a few index look-ups, and one signature (about 0.1 ms) for each note.
Result<Promises> query_promises(PgConnection& connection);

struct Identities {
  std::vector<LogIdentity> announced;  // oldest first
  std::vector<std::string> unannounced;
};
Result<Identities> query_identities(PgConnection& connection);

// See Promises::announcement. The connection must have prepared sql::announcement.
Result<std::optional<AnnouncementSeen>> query_announcement(PgConnection& connection);

// The largest checkpoint of `identity` whose note verifies and agrees with its row. Rows that do not verify are
// skipped, up to 1,024 of them: beyond that, the database's checkpoints are not believed at all.
Result<std::optional<StoredCheckpoint>> query_newest_checkpoint(PgConnection& connection, const LogIdentity& identity);

}  // namespace vault
