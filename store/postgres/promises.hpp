// What the database holds of what was signed, as far as it can be believed (struct Promises in store.hpp). Anybody with
// the role of a writer can put rows there; none of them counts by itself.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "store/postgres/connection.hpp"
#include "store/store.hpp"

namespace vault {

// The statements that these questions need prepared.
std::span<const PgStatement> promise_statements();

// Within whatever transaction is open. Cost: a few index look-ups, and one signature (about 0.1 ms) for each note.
Result<Promises> query_promises(PgConnection& connection);

struct Identities {
  std::vector<LogIdentity> announced;  // oldest first
  std::vector<std::string> unannounced;
};
Result<Identities> query_identities(PgConnection& connection);

// As Promises::announcement. The connection has prepared sql::announcement.
Result<std::optional<AnnouncementSeen>> query_announcement(PgConnection& connection);

// The largest checkpoint of `identity` whose note verifies and says what stands beside it. Rows that do not verify are
// passed over, up to 1,024 of them: beyond that the database's word on checkpoints is nobody's.
Result<std::optional<StoredCheckpoint>> query_newest_checkpoint(PgConnection& connection, const LogIdentity& identity);

}  // namespace vault
