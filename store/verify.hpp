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
  // Checkpoints known from elsewhere (state directory, a file): compared in addition to those in the database.
  std::vector<Checkpoint> known;
  std::optional<Head> known_head;  // the writer's own head: the ledger must reach at least this
  // The end of an earlier run, to continue from there without trusting the stored tiles for the part before.
  std::optional<LedgerState> resume;
  // For sharing a reader: asked after every row, and (`joint`) between two snapshots, where a pause is free. True: stop
  // here for now. The report then says `paused`, and its `end` is the state to resume from.
  std::function<bool(bool joint)> pause;
  // At most this many threads verify signatures of stored checkpoints at once, including the caller's.
  unsigned threads = 1;
  bool rows_only = false;  // leaves the end of the ledger to check_end()
  // Receives every good row in turn (Verifier::entry(), leaf_data(), canonical(), finished_tiles()). An error ends the
  // run and is passed on.
  std::function<Status(const Verifier&)> sink;
};

struct VerifyReport {
  std::optional<Finding> finding;  // nullopt: valid
  std::int64_t checked = 0;        // rows
  std::int64_t from = 0;
  std::int64_t to = 0;
  LedgerState end;      // after the last good row; head_hash and merkle_root of `to` if valid
  bool paused = false;  // before `to`, and nothing found so far
};

// Called a few times a second, while rows arrive, with the number of rows checked and the total; false stops the run
// (error `unavailable`).
using VerifyProgress = std::function<bool(std::int64_t checked, std::int64_t total)>;

// Errors: unavailable (database), invalid_argument (a range that is empty or beyond the head; an empty ledger is
// valid). Cost: one pass over the rows; O(log n) tile reads to start in the middle.
Result<VerifyReport> verify_ledger(ReaderStore& store, const LedgerVerification& request,
                                   const VerifyProgress& progress);

}  // namespace vault
