// A row of the table `vault_ledger` in which the old Python service kept its ledger (docs/legacy.md, "The old service's
// table"): columns in, a seal or a reason out. Pure; tools/vaultctl/legacy_table.hpp has the table, chain.hpp
// what rows say of each other.
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
  std::optional<std::string> entry_hash, prev_hash, merkle_root;  // hex digits, if they are what they should be
  bool jsonb = false;       // seal_data comes from jsonb, which forgets how numbers were written
  std::uint64_t bytes = 0;  // of all columns; where they are more than can be sealed, only the hashes are there
};

struct LegacyRowHash {
  LegacyHash outcome = LegacyHash::unknown;
  std::string computed;   // hex digits, over seal_data as it stands; "" where that could not be done
  std::string complaint;  // "" where nothing is wrong
};
// Recomputes entry_hash: SHA-256 over what json.dumps(…, sort_keys=True, separators=(",", ":")) prints of the seven
// members authority, prev_hash, seal_data, seal_id, session_id, timestamp and verdict.
// `unknown` where seal_data is no JSON, or where jsonb did not keep the text of a number and the hash fits one that it
// may have been; `invalid` where none fits. Cost: linear; where it does not fit, at most 64 MiB of such texts.
LegacyRowHash check_row_hash(const LegacyRow& row);

// What a row's neighbours say of it (chain.hpp).
struct LegacyLinks {
  bool chain_valid = true;  // prev_hash is the entry_hash of the row before
  bool root_valid = true;   // merkle_root is the root of the rows up to this one
  std::string complaint;    // "" where nothing is wrong
};

// The row as a record, with a problem beside it where something is wrong with its hashes; a problem alone where it
// cannot be sealed. Its raw bytes, which legacy_sha256 is of, are what json.dumps(row, sort_keys=True,
// separators=(",", ":")) prints of an object with all ten columns, seal_data as a value.
LegacyItem read_legacy_row(const LegacyRow& row, const LegacyRowHash& hash, const LegacyLinks& links);

}  // namespace vault
