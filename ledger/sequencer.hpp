// Turns a batch of seals into entries: the heart of the ledger. Pure: the daemon and the simulator run the same code.
#pragma once

#include <span>
#include <vector>

#include "ledger/bytes.hpp"
#include "ledger/entry.hpp"
#include "ledger/tile.hpp"

namespace vault {

// Everything that the next entry builds on. Invariant: edge.size() == head.sequence, edge.root() == head.merkle_root.
struct LedgerState {
  Head head = empty_head();
  TreeEdge edge;
  friend bool operator==(const LedgerState&, const LedgerState&) = default;
};

// A seal with its random inputs. `seal.seal_id` must be set (VAULT_CHECK): the caller draws one if the producer did
// not.
struct SealInput {
  const Seal* seal = nullptr;
  Salt salt{};
};

// A run of entries that belong in one transaction.
struct SequencedBatch {
  std::vector<Entry> entries;  // sequences head.sequence + 1 ...
  std::vector<Tile> tiles;     // finished by these entries
};

// Seals `inputs` in order on top of `state` and moves `state` to the new head. Every entry's timestamp is the later of
// `now` and the previous entry's. Cost: two hashes per seal for the entry, O(log n) for its root; nothing in proportion
// to the ledger.
SequencedBatch sequence_seals(LedgerState& state, std::span<const SealInput> inputs, Timestamp now);

}  // namespace vault
