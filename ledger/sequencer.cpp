#include "ledger/sequencer.hpp"

#include <algorithm>
#include <utility>

#include "ledger/check.hpp"
#include "ledger/hash_chain.hpp"
#include "ledger/limits.hpp"

namespace vault {

SequencedBatch sequence_seals(LedgerState& state, std::span<const SealInput> inputs, Timestamp now) {
  Head& head = state.head;
  VAULT_CHECK(state.edge.size() == static_cast<std::uint64_t>(head.sequence));
  VAULT_CHECK(inputs.size() <= static_cast<std::uint64_t>(limits::sequence_max - head.sequence));
  // The clock is read once per batch and may have been set back; the ledger's time never runs backwards.
  const Timestamp timestamp = head.sequence == 0 ? now : std::max(now, head.timestamp);
  SequencedBatch batch;
  batch.entries.resize(inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Seal& seal = *inputs[i].seal;
    VAULT_CHECK(seal.seal_id.has_value());
    Entry& entry = batch.entries[i];
    entry.sequence = head.sequence + 1;
    entry.session_id = seal.session_id;
    entry.seal_id = *seal.seal_id;
    entry.timestamp = timestamp;
    entry.authority = seal.authority;
    entry.verdict = seal.verdict;
    entry.seal_data = seal.seal_data;
    entry.data_salt = inputs[i].salt;
    link_entry(entry, head.entry_hash);
    state.edge.append(entry.entry_hash, batch.tiles);
    entry.merkle_root = state.edge.root();
    head = Head{entry.sequence, entry.entry_hash, entry.merkle_root, timestamp};
  }
  return batch;
}

}  // namespace vault
