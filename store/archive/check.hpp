// Checks an archive directory (docs/archive.md) from its files and the log's key alone: everything is recomputed from
// the entries, and whatever does not fit is named.
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
  std::optional<Checkpoint> checkpoint;  // where its signature is good
  bool payloads = true;
  std::uint64_t checked = 0;  // entries
  std::uint64_t erased = 0;   // of them without payload
  std::uint64_t files = 0;
  std::vector<ArchiveFinding> bad, missing;
  std::vector<ArchiveFinding> unknown;  // no part of the archive that the checkpoint covers; harmless

  bool valid() const { return bad.empty() && missing.empty(); }
};

// Takes the archive's entries in order, whole (payload, hashes, merkle_root), as far as everything checked so far is
// good; `finished` holds the tiles that this entry finishes. An error ends the check and is handed on.
using ArchiveSink = std::function<Status(Entry&& entry, const std::vector<Tile>& finished)>;

// Called a few times a second with entries checked and entries in all.
using ArchiveCheckProgress = std::function<void(std::uint64_t done, std::uint64_t total)>;

// Without `sink` goes on after a finding, so that the report is complete; with it the first finding ends the check.
// Which of two files that contradict each other is the bad one is told by what is above them in the tree, up to the
// checkpoint's root.
// Errors: internal (a directory that cannot be walked), and the sink's own. Cost: one pass; memory for one bundle of
// leaves and one payload.
Result<ArchiveReport> check_archive(const ArchiveDirectory& directory, const VerifierKey& key, const ArchiveSink& sink,
                                    const ArchiveCheckProgress& progress);

}  // namespace vault
