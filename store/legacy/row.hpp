// A row of the table `vault_ledger` in which the old Python service kept its ledger (docs/legacy.md, "The old service's
// table"): columns in, a seal or a reason out. Pure; tools/vaultctl/legacy_table.hpp reads the table, chain.hpp checks
// rows against each other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "store/legacy/record.hpp"

namespace vault {

inline constexpr const char* legacy_table = "vault_ledger";

// Columns as text; nullopt: NULL.
struct LegacyRow {
  std::int64_t sequence = 0;
  std::optional<std::string> session_id, seal_id, authority, verdict;
  std::optional<std::string> timestamp;  // as Python's isoformat() writes it in UTC: 2026-01-05T10:00:00.5+00:00
  std::optional<std::string> seal_data;  // JSON, or whatever a text column holds
  std::optional<std::string> entry_hash, prev_hash, merkle_root;  // hex digits, if they are as they should be
  bool jsonb = false;       // seal_data comes from jsonb, which does not keep the spelling of numbers
  std::uint64_t bytes = 0;  // of all columns; beyond what can be sealed, only the hashes are set
};

struct LegacyRowHash {
  LegacyHash outcome = LegacyHash::unknown;
  std::string computed;   // hex digits, over seal_data as it stands; "" if it could not be computed
  std::string complaint;  // "" if nothing is wrong
};
// Recomputes entry_hash: SHA-256 of the output of json.dumps(…, sort_keys=True, separators=(",", ":")) for the seven
// members authority, prev_hash, seal_data, seal_id, session_id, timestamp and verdict.
// `unknown` if seal_data is not JSON, or if jsonb did not keep the text of a number and the hash fits a possible
// spelling; `invalid` if none fits. Cost: linear; if it does not fit, at most 64 MiB of such texts.
LegacyRowHash check_row_hash(const LegacyRow& row);

// The result of checking a row against its neighbours (chain.hpp).
struct LegacyLinks {
  bool chain_valid = true;  // prev_hash is the entry_hash of the previous row
  bool root_valid = true;   // merkle_root is the root of the rows up to this one
  std::string complaint;    // "" if nothing is wrong
};

// The row as a record, together with a problem if something is wrong with its hashes; only a problem if it cannot be
// sealed. Its raw bytes, of which legacy_sha256 is the hash, are the output of json.dumps(row, sort_keys=True,
// separators=(",", ":")) for an object with all ten columns, seal_data as a value.
LegacyItem read_legacy_row(const LegacyRow& row, const LegacyRowHash& hash, const LegacyLinks& links);

}  // namespace vault
