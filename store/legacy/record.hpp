// Records of a filesystem vault (docs/legacy.md), converted one by one: bytes in, a seal or a reason out. Pure;
// directory.hpp reads the files.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ledger/bytes.hpp"
#include "ledger/entry.hpp"

namespace vault {

// session, markdown: a file in entries/; refusal: a line of refusal_audit.jsonl; ledger: a line of ledger.jsonl;
// emergency: a file that vaultd's emergency mode wrote; database: a row of the old service's table (row.hpp).
enum class LegacyKind : std::uint8_t { session, markdown, refusal, ledger, emergency, database };
inline constexpr LegacyKind legacy_kinds[] = {LegacyKind::session, LegacyKind::markdown,  LegacyKind::refusal,
                                              LegacyKind::ledger,  LegacyKind::emergency, LegacyKind::database};
std::string_view legacy_kind_name(LegacyKind kind);

// The location of a record.
struct LegacyPlace {
  LegacyKind kind = LegacyKind::session;
  std::string source;     // path relative to the vault's directory, or the table
  std::int64_t line = 0;  // 1, 2, ... in a file of lines; 0: the record is the whole file; of a row its sequence
};

struct LegacyProblem {
  std::string source;
  std::int64_t line = 0;  // 0: no line can be named (a file that cannot be opened); of a row its sequence
  std::string reason;
  LegacyKind kind = LegacyKind::session;
};

// Whether a record's own entry_hash fits. none: it has none; unknown: the text that was hashed was not kept.
enum class LegacyHash : std::uint8_t { none, valid, invalid, unknown };

struct LegacyRecord {
  LegacyPlace place;
  Hash sha256{};                           // of the raw bytes
  Seal seal;                               // ready to be sealed, seal_id included
  std::string timestamp;                   // the original value as JSON text, or "null"
  std::optional<Timestamp> time;           // that instant, if it can be determined
  std::optional<std::string> mapped_from;  // the original verdict as JSON text, if it is not one of the ledger's
  bool raw = false;                        // kept as bytes: JSON that payloads must not hold
  LegacyHash hash = LegacyHash::none;      // of kinds ledger and database
  bool of_all = false;                     // not one of the records, but a summary of all of them
};

// Both are set if a record is usable but something about it must be reported.
struct LegacyItem {
  std::optional<LegacyRecord> record;
  std::optional<LegacyProblem> problem;
};

// Reads one record. `bytes`: the file, or the line without its line end. A file of kind `session` becomes `emergency`
// if it says so. Cost: linear.
LegacyItem read_legacy_record(LegacyPlace place, std::string_view bytes);

// Namespace of the seal_ids for records without one of their own (UUIDv5 of source, newline, SHA-256 in hex).
Uuid legacy_seal_id(std::string_view source, const Hash& sha256);

}  // namespace vault
