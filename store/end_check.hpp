// The end of a ledger, looked at without going through its rows: vault_head is the last entry, nothing stands where
// nothing may stand, and what is known from elsewhere is all there (docs/ledger-format.md, "Verification").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ledger/checkpoint.hpp"
#include "ledger/verifier.hpp"
#include "store/checkpoint_check.hpp"
#include "store/store.hpp"

namespace vault {

struct EndRequest {
  std::vector<Checkpoint> known;   // checkpoints known from elsewhere
  std::optional<Head> known_head;  // at least this must be there
};

struct EndState {
  // nullopt: the end is good. Of several findings the one whose reason comes first, and of those the one with the
  // smallest sequence.
  std::optional<Finding> finding;
  // The database is a replica that has not come to all that is known: it may be late, and nobody can tell whether
  // entries are missing.
  bool lagging = false;
};

// Errors: as the snapshot's. Cost: O(log n).
Result<EndState> check_end(Snapshot& snapshot, const CheckpointCheck& checkpoints, const EndRequest& request);

struct EndReport : EndState {
  std::int64_t head = 0;       // vault_head's sequence; 0 where the row is missing
  std::string origin;          // of the newest identity; empty where there is none
  bool prepared_open = false;  // a prepared transaction is: what it holds is not there yet
};

// The same from a snapshot of its own.
Result<EndReport> check_ledger_end(ReaderStore& store, const EndRequest& request);

}  // namespace vault
