// Checks the end of a ledger without reading its rows: vault_head is the last entry, nothing is stored where nothing
// may be, and everything known from elsewhere is there (docs/ledger-format.md, "Verification").
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
  std::optional<Head> known_head;  // the ledger must reach at least this head
};

struct EndState {
  // nullopt: the end is good. Of several findings, the one whose reason comes first, and of those the one with the
  // smallest sequence.
  std::optional<Finding> finding;
  // The database is a replica that does not yet hold everything that is known: it may be late, so whether entries are
  // missing cannot be decided.
  bool lagging = false;
};

// Errors: those of the snapshot. Cost: O(log n).
Result<EndState> check_end(Snapshot& snapshot, const CheckpointCheck& checkpoints, const EndRequest& request);

struct EndReport : EndState {
  std::int64_t head = 0;       // vault_head's sequence; 0 if the row is missing
  std::string origin;          // of the newest identity; empty if there is none
  bool prepared_open = false;  // a prepared transaction is open: its contents are not visible yet
};

// The same on a snapshot of its own.
Result<EndReport> check_ledger_end(ReaderStore& store, const EndRequest& request);

}  // namespace vault
