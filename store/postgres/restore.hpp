// Restores a ledger into a database that holds none: all of it in one transaction, or nothing. Reading the entries is
// the caller's business (tools/vaultctl/restore_archive.hpp).
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "ledger/checkpoint.hpp"
#include "ledger/entry.hpp"
#include "ledger/tile.hpp"
#include "store/postgres/place.hpp"

namespace vault {

// The checkpoint that the restored entries must lead to, and that is stored with them.
struct RestoreTarget {
  Checkpoint checkpoint;
  std::string note;
  VerifierKey key;
};

struct RestoreFailure {
  RestoreFailure(Error why) : error(std::move(why)) {}
  Error error;
  bool in_doubt = false;  // the database may hold the ledger after all; restoring again finds out
};

// Takes the next entry, and the tiles that it completes. Stop at the first error.
using RestoreSink = std::function<Status(Entry&&, const std::vector<Tile>&)>;
// Passes every entry of the ledger, checked, to the sink. Its error ends the restore, and nothing is written.
using RestoreSource = std::function<Status(const RestoreSink&)>;

// A check before long work: true if the database has no schema yet, or an older one in which nothing was sealed.
// Errors: invalid_argument (URL; a database that holds entries, or checkpoints of a ledger that did), unavailable.
Result<bool> needs_schema(const PostgresPlace& place, const VerifierKey& key);

// Writes entries, tiles, head, log identity and checkpoint. A vaultd that runs on the database meanwhile is fenced. On
// return the database holds either the checkpoint's tree or its previous contents, unless in doubt.
// Errors: those of the source and of needs_schema(); internal if the entries do not lead to the checkpoint.
tl::expected<void, RestoreFailure> restore_ledger(const PostgresPlace& place, const RestoreTarget& target,
                                                  const RestoreSource& source);

}  // namespace vault
