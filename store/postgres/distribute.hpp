// Handing a ledger's schema to Citus: from then on all of it is on one node of the cluster, which a session on any node
// reaches. docs/distributed.md says what that is good for, and what has been tried.
#pragma once

#include <string>

#include "ledger/result.hpp"
#include "store/postgres/place.hpp"

namespace vault {

struct Distribution {
  bool already = false;    // the schema was distributed before; it has been checked all the same
  std::string citus;       // version of the extension
  int nodes = 0;           // of the cluster, all of which have been asked for their settings
  std::string owner_host;  // the node that holds the ledger
  int owner_port = 0;
};

// An append that waits for the end of a prepared transaction waits at most about this long.
inline constexpr int recover_2pc_interval_ms_max = 5'000;

// Distributes `place`'s schema, made by migrate_up() on the coordinator, and vault_append() with it; then looks whether
// the node that holds it refuses changes as the tables did. Everything that can be refused is, before anything changes.
// Errors: invalid_argument, saying what has to be done first; unavailable where a node does not answer, or a vaultd
// writes; internal where what came of it does not guard the ledger.
Result<Distribution> distribute_ledger(const PostgresPlace& place);

}  // namespace vault
