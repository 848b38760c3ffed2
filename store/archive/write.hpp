// Writes a ledger into an archive directory (docs/archive.md), continuing where an earlier run ended.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "ledger/checkpoint.hpp"
#include "ledger/verifier.hpp"
#include "store/archive/layout.hpp"
#include "store/store.hpp"

namespace vault {

// A signed checkpoint that an archive can end at.
struct ArchiveTarget {
  Checkpoint checkpoint;
  std::string note;
  VerifierKey key;
};

// The result of a walk: how far the entries were good.
struct ArchiveWalk {
  LedgerState end;
  std::optional<Finding> finding;
};

// The source of the entries: a database, or vaultd. It is not trusted: rows are hashed again, and must lead to the root
// that the checkpoint signs.
class ArchiveSource {
 public:
  virtual ~ArchiveSource() = default;
  // The newest checkpoint of the ledger's present log identity, with its signature checked. With `not_after`, the
  // largest stored checkpoint whose last entry is not newer than that; nullopt if there is none.
  virtual Result<std::optional<ArchiveTarget>> target(std::optional<Timestamp> not_after) = 0;
  // Passes the rows of [from, to] to `row` in order, until it returns false. Streams.
  virtual Status rows(std::int64_t from, std::int64_t to, const std::function<bool(const RowView&)>& row) = 0;
  // Verifies the rows after `start` up to `to`, and whatever else the source stores about them, and passes each good
  // one to `row`, whose error ends the walk. The default implementation verifies only rows().
  virtual Result<ArchiveWalk> walk(const LedgerState& start, std::int64_t to,
                                   const std::function<Status(const Verifier&)>& row);
  // Root of the tree of the first `size` entries. Error: not_found if there are fewer.
  virtual Result<Hash> root_at(std::uint64_t size) = 0;
};

// Reads from a store's snapshots. The store must outlive it.
std::unique_ptr<ArchiveSource> make_store_archive_source(ReaderStore& store);

struct ArchiveRequest {
  std::string directory;
  bool payloads = true;
  std::optional<Timestamp> not_after;
};

struct ArchiveResult {
  std::optional<Checkpoint>
      checkpoint;                   // that the archive now ends at; nullopt: none is old enough, nothing was written
  std::uint64_t previous_size = 0;  // size of the archive before this run
  std::uint64_t entries_written = 0;
  std::uint64_t files_written = 0;
  bool payloads = true;
};

// Called a few times a second with the number of entries written and the number to write.
using ArchiveProgress = std::function<void(std::uint64_t done, std::uint64_t total)>;

// Errors: invalid_argument (the directory; --no-payloads does not match the archive), busy, unavailable (source, disk),
// internal (a row that does not verify, named by sequence and reason; an archive of another log, or of another history
// of this one). An error leaves the archive's checkpoint and everything it covers unchanged. Cost: one pass over the
// new rows; memory for one entry and a few files.
Result<ArchiveResult> write_archive(ArchiveSource& source, const ArchiveRequest& request,
                                    const ArchiveProgress& progress);

}  // namespace vault
