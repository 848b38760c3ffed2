// Restores a ledger from an archive directory (docs/archive.md) into a database that holds none: all of it in one
// transaction, or nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "store/archive/check.hpp"
#include "store/postgres/restore.hpp"

namespace vault {

struct RestoreResult {
  ArchiveReport report;   // of the check before anything is written; if it is not valid, nothing was
  bool migrated = false;  // the database had no schema
};

// `stage` is "checking", then "restoring".
using RestoreProgress = std::function<void(std::string_view stage, std::uint64_t done, std::uint64_t total)>;

// Checks the whole archive, migrates a database without schema, then reads the archive a second time, checking it
// again, and passes it to restore_ledger(). Errors: those of restore_ledger(); invalid_argument (directory; an archive
// without payloads), internal (the archive changed between the two readings).
tl::expected<RestoreResult, RestoreFailure> restore_archive(const ArchiveDirectory& directory, const VerifierKey& key,
                                                            const PostgresPlace& place,
                                                            const RestoreProgress& progress);

}  // namespace vault
