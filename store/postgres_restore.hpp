// A ledger out of an archive directory (docs/archive.md) into a database that holds none: all of it in one transaction,
// or nothing.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "ledger/signed_note.hpp"
#include "store/archive_check.hpp"
#include "store/postgres_place.hpp"

namespace vault {

struct RestoreResult {
  ArchiveReport report;   // of the check before anything is written; where it is not valid, nothing was
  bool migrated = false;  // the database had no schema
};

struct RestoreFailure {
  RestoreFailure(Error why) : error(std::move(why)) {}
  Error error;
  bool in_doubt = false;  // the database may hold the ledger all the same; restoring again tells
};

// `stage` is "checking", then "restoring".
using RestoreProgress = std::function<void(std::string_view stage, std::uint64_t done, std::uint64_t total)>;

// Checks the whole archive, migrates a database without schema, then reads the archive a second time, checking it
// again, and writes entries, tiles, head, log identity and checkpoint. A vaultd that runs on the database meanwhile is
// fenced. On return the database holds the tree of the archive's checkpoint, or what it held before, unless in doubt.
// Errors: invalid_argument (directory, URL; a database that holds entries, or checkpoints of a ledger that did; an
// archive without payloads), unavailable, internal (the archive changed between the two readings).
tl::expected<RestoreResult, RestoreFailure> restore_archive(const ArchiveDirectory& directory, const VerifierKey& key,
                                                            const PostgresPlace& place,
                                                            const RestoreProgress& progress);

}  // namespace vault
