// Verifies a stored ledger from beginning to end: rows, tiles, head and checkpoints, in the order of
// docs/ledger-format.md ("Verification").
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "ledger/checkpoint.hpp"
#include "ledger/verifier.hpp"
#include "store/store.hpp"

namespace vault {

struct LedgerVerification {
  std::optional<std::int64_t> from;  // default 1
  std::optional<std::int64_t> to;    // default: the last entry, which then is compared with the head
  // Checkpoints known from elsewhere (state directory, a file): compared besides those in the database.
  std::vector<Checkpoint> known;
  std::optional<Head> known_head;  // the writer's own head: at least this must be there
  // Where an earlier call ended, to go on from there without trusting the stored tiles for what came before.
  std::optional<LedgerState> resume;
  // For those who share a reader: asked after every row, and (`joint`) between two snapshots, where a pause costs
  // nothing. True: stop here for now. The report then says `paused`, and its `end` is what to resume from.
  std::function<bool(bool joint)> pause;
  // So many may verify signatures of stored checkpoints at once, the caller's thread among them.
  unsigned threads = 1;
  bool rows_only = false;  // the end is somebody else's business: check_end()
  // Given every good row in turn (Verifier::entry(), leaf_data(), canonical(), finished_tiles()). An error ends the run
  // and is handed on.
  std::function<Status(const Verifier&)> sink;
};

struct VerifyReport {
  std::optional<Finding> finding;  // nullopt: valid
  std::int64_t checked = 0;        // rows
  std::int64_t from = 0;
  std::int64_t to = 0;
  LedgerState end;      // after the last good row; head_hash and merkle_root of `to` where valid
  bool paused = false;  // before `to`, and nothing found so far
};

// Called a few times a second, while rows arrive, with rows checked and rows in all; false stops the run (error
// `unavailable`).
using VerifyProgress = std::function<bool(std::int64_t checked, std::int64_t total)>;

// Errors: unavailable (database), invalid_argument (a range that is empty or beyond the head; an empty ledger is
// valid). Cost: one pass over the rows; O(log n) tile reads to start in the middle.
Result<VerifyReport> verify_ledger(ReaderStore& store, const LedgerVerification& request,
                                   const VerifyProgress& progress);

}  // namespace vault
