// Writes a ledger into an archive directory (docs/archive.md), and goes on where an earlier run ended.
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

// How far the entries were good.
struct ArchiveWalk {
  LedgerState end;
  std::optional<Finding> finding;
};

// Where the entries come from: a database, or vaultd. It is not trusted with anything: rows are hashed anew, and must
// lead to what the checkpoint signs.
class ArchiveSource {
 public:
  virtual ~ArchiveSource() = default;
  // The newest checkpoint of the ledger's present log identity, its signature checked. With `not_after` the largest one
  // kept whose last entry is not newer than that; nullopt where there is none.
  virtual Result<std::optional<ArchiveTarget>> target(std::optional<Timestamp> not_after) = 0;
  // Hands the rows of [from, to] to `row` in order, until it returns false. Streams.
  virtual Status rows(std::int64_t from, std::int64_t to, const std::function<bool(const RowView&)>& row) = 0;
  // Verifies the rows after `start` up to `to`, with whatever else the source knows of them, and hands each good one to
  // `row`, whose error ends it. Unless overridden, of rows() alone.
  virtual Result<ArchiveWalk> walk(const LedgerState& start, std::int64_t to,
                                   const std::function<Status(const Verifier&)>& row);
  // Root of the tree of the first `size` entries. Error: not_found where there are fewer.
  virtual Result<Hash> root_at(std::uint64_t size) = 0;
};

// Over a store's snapshots. The store must outlive it.
std::unique_ptr<ArchiveSource> make_store_archive_source(ReaderStore& store);

struct ArchiveRequest {
  std::string directory;
  bool payloads = true;
  std::optional<Timestamp> not_after;
};

struct ArchiveResult {
  std::optional<Checkpoint> checkpoint;  // that the archive now ends at; nullopt: no checkpoint is that old, none made
  std::uint64_t previous_size = 0;       // what the archive held before
  std::uint64_t entries_written = 0;
  std::uint64_t files_written = 0;
  bool payloads = true;
};

// Called a few times a second with entries written and entries to write.
using ArchiveProgress = std::function<void(std::uint64_t done, std::uint64_t total)>;

// Errors: invalid_argument (directory; --no-payloads and what the archive is do not agree), busy, unavailable (source,
// disk), internal (a row that does not verify, named by sequence and reason; an archive of another log, or of another
// history of this one). After an error the archive's checkpoint is what it was, and so is everything it covers.
// Cost: one pass over the new rows; memory for one entry and a few files.
Result<ArchiveResult> write_archive(ArchiveSource& source, const ArchiveRequest& request,
                                    const ArchiveProgress& progress);

}  // namespace vault
