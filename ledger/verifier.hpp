// Verifies rows in order; names the first sequence that fails and why (docs/ledger-format.md, "Verification").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/checkpoint.hpp"
#include "ledger/json.hpp"
#include "ledger/sequencer.hpp"

namespace vault {

// In the order in which a row is checked for them.
enum class FindingReason : std::uint8_t {
  sequence_gap,
  entry_hash_mismatch,
  prev_hash_mismatch,
  merkle_root_mismatch,
  timestamp_regression,
  erasure_unexplained,
  stray_row,
  head_mismatch,
  tile_mismatch,
  checkpoint_mismatch,
  checkpoint_signature_invalid,
  truncated,
};
std::string_view finding_name(FindingReason reason);

struct Finding {
  std::int64_t sequence = 0;  // the first that fails
  FindingReason reason = FindingReason::sequence_gap;
  std::string detail;  // for people; no payload
};

// A row as stored, unchecked: any column may hold garbage. Views live as long as the caller's buffer.
struct RowView {
  std::int64_t sequence = 0;
  std::string_view session_id;
  std::string_view seal_id;           // 16 raw bytes
  std::int64_t timestamp_micros = 0;  // since the Unix epoch
  std::string_view authority;
  std::string_view verdict;                             // text
  std::optional<std::string_view> seal_data;            // JSON text as jsonb prints it
  std::optional<std::string_view> data_salt;            // raw bytes
  std::optional<std::string_view> data_hash;            // hex; only where erased
  std::string_view entry_hash, prev_hash, merkle_root;  // hex
  std::optional<std::int64_t> created_at_micros{};      // informative
};

// The entry in a row, with the payload as canonical text and data_hash computed from it. Error: internal naming the
// column whose value is not of its kind.
Result<Entry> entry_from_row(const RowView& row);

// Takes the rows from start.head.sequence + 1 on. It is finished after the first finding.
class Verifier {
 public:
  explicit Verifier(LedgerState start) : state_(std::move(start)) {}

  // Checks the next row against all rows before it; nullopt if it is good. Reasons: the first six of FindingReason.
  // Tiles that the row finishes are appended to finished_tiles(). Cost: that of sealing it, plus parsing the payload.
  std::optional<Finding> feed(const RowView& row);

  // The state after the good rows.
  const LedgerState& state() const { return state_; }
  // The last good row: its envelope (payload, entry_hash and merkle_root are elsewhere), its leaf_data, and its payload
  // as canonical text (empty if erased). Valid until the next feed().
  const Entry& entry() const { return entry_; }
  std::string_view leaf_data() const { return leaf_data_; }
  std::string_view canonical() const { return canonical_; }
  // Tiles recomputed since the last clear_finished_tiles(), for comparison with the stored ones.
  const std::vector<Tile>& finished_tiles() const { return finished_; }
  void clear_finished_tiles() { finished_.clear(); }

 private:
  LedgerState state_;
  std::vector<Tile> finished_;
  Entry entry_;  // from here on scratch space, so that a row costs no allocation
  JsonDocument document_;
  std::string canonical_;
  std::string leaf_data_;
};

}  // namespace vault
