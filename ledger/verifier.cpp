#include "ledger/verifier.hpp"

#include <fmt/format.h>

#include <utility>

#include "ledger/canonical_json.hpp"
#include "ledger/limits.hpp"
#include "ledger/merkle_hash.hpp"

namespace vault {
namespace {

// Years 0001 to 9999 have a text form; timestamptz holds more.
constexpr Timestamp timestamp_min{-62'135'596'800'000'000};
constexpr Timestamp timestamp_max{253'402'300'799'999'999};

// Payload text out of the database, or out of an archive that claims to be one.
const JsonRules& stored_rules() {
  static const JsonRules rules{JsonSource::stored, true, limits::seal_bytes_max, "seal_data"};
  return rules;
}

// Reads either payload and salt, or (erased) the data_hash alone. Sets data_hash, data_salt and `canonical`; returns
// the name of the column that is wrong.
const char* read_payload(const RowView& row, Entry& entry, JsonDocument& scratch, std::string& canonical) {
  entry.data_salt.reset();
  canonical.clear();
  if (!row.seal_data) {
    if (row.data_salt) return "data_salt";
    const std::optional<Hash> hash = hash_from_hex(row.data_hash.value_or(""));
    if (!hash) return "data_hash";
    entry.data_hash = *hash;
    return nullptr;
  }
  if (row.data_hash) return "data_hash";
  entry.data_salt = array_from_bytes<16>(row.data_salt.value_or(""));
  if (!entry.data_salt) return "data_salt";
  if (!parse_json(*row.seal_data, stored_rules(), scratch)) return "seal_data";
  append_canonical(scratch, canonical);
  entry.data_hash = compute_data_hash(*entry.data_salt, canonical);
  return nullptr;
}

// Reads every column of the envelope into `entry`, whose strings are reused; the payload's canonical text goes to
// `canonical`. Returns the name of the first column whose value is not of its kind, or nullptr.
const char* read_row(const RowView& row, Entry& entry, JsonDocument& scratch, std::string& canonical) {
  entry.sequence = row.sequence;
  if (row.sequence < 1) return "sequence";
  if (!check_name(row.session_id, "session_id")) return "session_id";
  entry.session_id.assign(row.session_id);
  const auto seal_id = array_from_bytes<16>(row.seal_id);
  if (!seal_id) return "seal_id";
  entry.seal_id.bytes = *seal_id;
  entry.timestamp.micros = row.timestamp_micros;
  if (entry.timestamp < timestamp_min || entry.timestamp > timestamp_max) return "timestamp";
  if (!check_name(row.authority, "authority")) return "authority";
  entry.authority.assign(row.authority);
  const std::optional<Verdict> verdict = parse_verdict(row.verdict);
  if (!verdict) return "verdict";
  entry.verdict = *verdict;
  const std::optional<Hash> prev_hash = hash_from_hex(row.prev_hash);
  if (!prev_hash) return "prev_hash";
  entry.prev_hash = *prev_hash;
  return read_payload(row, entry, scratch, canonical);
}

// Root of the tree that appending `leaf` would give, without appending it: the leaf is the frontier's last subtree.
Hash root_after(const Frontier& frontier, const Hash& leaf) {
  Hash node = leaf;
  for (auto root = frontier.roots().rbegin(); root != frontier.roots().rend(); ++root) node = hash_node(*root, node);
  return node;
}

}  // namespace

std::string_view finding_name(FindingReason reason) {
  switch (reason) {
    case FindingReason::sequence_gap:
      return "sequence_gap";
    case FindingReason::entry_hash_mismatch:
      return "entry_hash_mismatch";
    case FindingReason::prev_hash_mismatch:
      return "prev_hash_mismatch";
    case FindingReason::merkle_root_mismatch:
      return "merkle_root_mismatch";
    case FindingReason::timestamp_regression:
      return "timestamp_regression";
    case FindingReason::erasure_unexplained:
      return "erasure_unexplained";
    case FindingReason::stray_row:
      return "stray_row";
    case FindingReason::head_mismatch:
      return "head_mismatch";
    case FindingReason::tile_mismatch:
      return "tile_mismatch";
    case FindingReason::checkpoint_mismatch:
      return "checkpoint_mismatch";
    case FindingReason::checkpoint_signature_invalid:
      return "checkpoint_signature_invalid";
    case FindingReason::truncated:
      return "truncated";
  }
  return "unknown";
}

Result<Entry> entry_from_row(const RowView& row) {
  Entry entry;
  JsonDocument document;
  std::string canonical;
  const char* bad_column = read_row(row, entry, document, canonical);
  const std::optional<Hash> entry_hash = hash_from_hex(row.entry_hash);
  const std::optional<Hash> merkle_root = hash_from_hex(row.merkle_root);
  if (bad_column == nullptr && !entry_hash) bad_column = "entry_hash";
  if (bad_column == nullptr && !merkle_root) bad_column = "merkle_root";
  if (bad_column != nullptr) {
    return fail(ErrorCode::internal,
                fmt::format("entry {}: column {} holds no value of its kind", row.sequence, bad_column));
  }
  if (row.seal_data) entry.seal_data = std::move(canonical);
  entry.entry_hash = *entry_hash;
  entry.merkle_root = *merkle_root;
  if (row.created_at_micros) entry.created_at = Timestamp{*row.created_at_micros};
  return entry;
}

std::optional<Finding> Verifier::feed(const RowView& row) {
  Head& head = state_.head;
  const std::int64_t sequence = head.sequence + 1;
  const auto found = [sequence](FindingReason reason, std::string detail) {
    return Finding{sequence, reason, std::move(detail)};
  };
  if (row.sequence != sequence) {
    return found(FindingReason::sequence_gap, fmt::format("entry {} is missing, {} follows", sequence, row.sequence));
  }
  if (const char* column = read_row(row, entry_, document_, canonical_)) {
    return found(FindingReason::entry_hash_mismatch, fmt::format("column {} holds no value of its kind", column));
  }
  leaf_data_.clear();
  append_leaf_data(entry_, leaf_data_);
  const Hash entry_hash = hash_leaf(leaf_data_);
  if (hash_from_hex(row.entry_hash) != entry_hash) {
    return found(FindingReason::entry_hash_mismatch, "the row hashes to " + to_hex(entry_hash));
  }
  if (entry_.prev_hash != head.entry_hash) {
    return found(FindingReason::prev_hash_mismatch, "the entry before hashes to " + to_hex(head.entry_hash));
  }
  // Computed before the leaf is appended: after a finding, the state must be that of the last good row.
  const Hash root = root_after(state_.edge.frontier(), entry_hash);
  if (hash_from_hex(row.merkle_root) != root) {
    return found(FindingReason::merkle_root_mismatch, "the tree's root is " + to_hex(root));
  }
  if (head.sequence > 0 && entry_.timestamp < head.timestamp) {
    return found(FindingReason::timestamp_regression, "the entry before is of " + format_timestamp(head.timestamp));
  }
  // Everything fits, because the leaf holds only a commitment to the payload: whoever removes payload and salt leaves
  // no other trace. No erasure is defined that could explain it.
  if (!row.seal_data) return found(FindingReason::erasure_unexplained, "the row has no payload");
  state_.edge.append(entry_hash, finished_);
  head = Head{sequence, entry_hash, root, entry_.timestamp};
  return std::nullopt;
}

}  // namespace vault
