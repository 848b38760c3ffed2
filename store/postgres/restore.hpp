// A ledger into a database that holds none: all of it in one transaction, or nothing. Where its entries come from is
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

// What the entries must come to, and the checkpoint that is kept with them.
struct RestoreTarget {
  Checkpoint checkpoint;
  std::string note;
  VerifierKey key;
};

struct RestoreFailure {
  RestoreFailure(Error why) : error(std::move(why)) {}
  Error error;
  bool in_doubt = false;  // the database may hold the ledger all the same; restoring again tells
};

// Takes the next entry, and the tiles that are full with it. Stop at the first error.
using RestoreSink = std::function<Status(Entry&&, const std::vector<Tile>&)>;
// Gives every entry of the ledger to the sink, checked. Its error ends the restoring, and nothing is written.
using RestoreSource = std::function<Status(const RestoreSink&)>;

// A look before long work: true if the database has no schema yet, or an older one that nothing was sealed in.
// Errors: invalid_argument (URL; a database that holds entries, or checkpoints of a ledger that did), unavailable.
Result<bool> needs_schema(const PostgresPlace& place, const VerifierKey& key);

// Writes entries, tiles, head, log identity and checkpoint. A vaultd that runs on the database meanwhile is fenced. On
// return the database holds the tree of the checkpoint, or what it held before, unless in doubt.
// Errors: those of the source; as needs_schema(); internal where the entries do not come to the checkpoint.
tl::expected<void, RestoreFailure> restore_ledger(const PostgresPlace& place, const RestoreTarget& target,
                                                  const RestoreSource& source);

}  // namespace vault
