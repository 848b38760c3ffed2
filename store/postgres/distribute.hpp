// Hands a ledger's schema over to Citus: from then on all of it is on one node of the cluster, reachable through a
// session on any node. docs/distributed.md says what that is good for, and what has been tried.
#pragma once

#include <string>

#include "ledger/result.hpp"
#include "store/postgres/place.hpp"

namespace vault {

struct Distribution {
  bool already = false;    // the schema was already distributed; it has been checked anyway
  std::string citus;       // version of the extension
  int nodes = 0;           // of the cluster; the settings of all of them have been checked
  std::string owner_host;  // the node that holds the ledger
  int owner_port = 0;
};

// An append that waits for the end of a prepared transaction waits at most roughly this long.
inline constexpr int recover_2pc_interval_ms_max = 5'000;

// Distributes `place`'s schema, made by migrate_up() on the coordinator, together with vault_append(); then checks
// whether the node that holds it refuses changes as the tables did. Every refusal happens before anything changes.
// Errors: invalid_argument, saying what has to be done first; unavailable if a node does not answer, or a vaultd is
// writing; internal if the result does not guard the ledger.
Result<Distribution> distribute_ledger(const PostgresPlace& place);

}  // namespace vault
