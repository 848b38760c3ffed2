// Checks an archive directory (docs/archive.md) using only its files and the log's key: recomputes everything from the
// entries, and names whatever does not fit.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ledger/checkpoint.hpp"
#include "ledger/entry.hpp"
#include "ledger/tile.hpp"
#include "store/archive/files.hpp"

namespace vault {

struct ArchiveFinding {
  std::string file;
  std::string what;  // for people; no payload
};

// A check ends once this many files are bad or missing.
inline constexpr std::size_t archive_findings_max = 100'000;

struct ArchiveReport {
  std::optional<Checkpoint> checkpoint;  // if its signature is valid
  bool payloads = true;
  std::uint64_t checked = 0;  // number of entries
  std::uint64_t erased = 0;   // of them, entries without payload
  std::uint64_t files = 0;
  std::vector<ArchiveFinding> bad, missing;
  std::vector<ArchiveFinding> unknown;  // files that the checkpoint does not cover; harmless

  bool valid() const { return bad.empty() && missing.empty(); }
};

// Receives the archive's entries in order, complete (payload, hashes, merkle_root), as long as everything checked so
// far is good; `finished` holds the tiles that this entry finishes. An error ends the check and is passed on.
using ArchiveSink = std::function<Status(Entry&& entry, const std::vector<Tile>& finished)>;

// Called a few times a second with the number of entries checked and the total.
using ArchiveCheckProgress = std::function<void(std::uint64_t done, std::uint64_t total)>;

// Without `sink`, the check goes on after a finding, so that the report is complete; with it, the first finding ends
// the check. If two files contradict each other, the files above them in the tree, up to the checkpoint's root, decide
// which of them is bad.
// Errors: is_unreadable() (store/archive/files.hpp) if nothing is wrong but a file or directory cannot be read, which
// says nothing about the archive; and the sink's own. Cost: one pass; memory for one bundle of leaves and one payload.
Result<ArchiveReport> check_archive(const ArchiveDirectory& directory, const VerifierKey& key, const ArchiveSink& sink,
                                    const ArchiveCheckProgress& progress);

}  // namespace vault
