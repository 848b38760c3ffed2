// Rows of vault_ledger as a store passes them to the verifier, made from entries and open to tampering.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ledger/sequencer.hpp"
#include "ledger/verifier.hpp"

namespace vault {

struct StoredRow {
  std::int64_t sequence = 0;
  std::string session_id, seal_id;
  std::int64_t timestamp_micros = 0;
  std::string authority, verdict;
  std::optional<std::string> seal_data, data_salt, data_hash;
  std::string entry_hash, prev_hash, merkle_root;

  static StoredRow from(const Entry& entry) {
    StoredRow row;
    row.sequence = entry.sequence;
    row.session_id = entry.session_id;
    row.seal_id = as_view(entry.seal_id.bytes);
    row.timestamp_micros = entry.timestamp.micros;
    row.authority = entry.authority;
    row.verdict = verdict_name(entry.verdict);
    row.seal_data = entry.seal_data;
    if (entry.data_salt) row.data_salt = as_view(*entry.data_salt);
    if (!entry.seal_data) row.data_hash = to_hex(entry.data_hash);
    row.entry_hash = to_hex(entry.entry_hash);
    row.prev_hash = to_hex(entry.prev_hash);
    row.merkle_root = to_hex(entry.merkle_root);
    return row;
  }

  // Valid as long as this row is.
  RowView view() const {
    return {sequence,  session_id, seal_id,   timestamp_micros, authority, verdict,
            seal_data, data_salt,  data_hash, entry_hash,       prev_hash, merkle_root};
  }

  // Erases the payload as an operator would.
  void erase(const Hash& hash) {
    seal_data.reset();
    data_salt.reset();
    data_hash = to_hex(hash);
  }
};

// A ledger of `count` entries, a millisecond apart.
inline std::vector<Entry> make_entries(int count, LedgerState& state) {
  std::vector<Entry> entries;
  for (int i = 0; i < count; ++i) {
    Seal seal{"session-" + std::to_string(i % 3), "auditor", static_cast<Verdict>(i % 6),
              "{\"n\":" + std::to_string(i) + ",\"text\":\"caf\u00e9\"}", Uuid{}};
    seal.seal_id->bytes[14] = static_cast<std::uint8_t>(i >> 8);
    seal.seal_id->bytes[15] = static_cast<std::uint8_t>(i);
    const SealInput input{&seal, Salt{static_cast<std::uint8_t>(i), 7}};
    const Timestamp now{1'770'000'000'000'000 + i * std::int64_t{1000}};
    entries.push_back(std::move(sequence_seals(state, {&input, 1}, now).entries[0]));
  }
  return entries;
}

// Recomputes all hashes from the first entry on, so that the entries agree with one another whatever they say. With it,
// a test tampers consistently, as someone would who knows the format.
inline void rehash(std::vector<Entry>& entries) {
  TreeEdge edge;
  std::vector<Tile> tiles;
  Hash previous = zero_hash;
  for (Entry& entry : entries) {
    entry.prev_hash = previous;
    entry.entry_hash = previous = compute_entry_hash(entry);
    edge.append(previous, tiles);
    entry.merkle_root = edge.root();
  }
}

}  // namespace vault
