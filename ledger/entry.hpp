// Seals, entries and heads: a seal is what a producer asks for; an entry is the sealed record; a receipt tells the
// producer which entry it became.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ledger/bytes.hpp"
#include "ledger/result.hpp"
#include "ledger/timestamp.hpp"
#include "ledger/uuid.hpp"

namespace vault {

enum class Verdict : std::uint8_t { seal, partial, sabar, void_, hold, sunset };

std::string_view verdict_name(Verdict verdict);  // "SEAL", "PARTIAL", "SABAR", "VOID", "888_HOLD", "SUNSET"
std::optional<Verdict> parse_verdict(std::string_view name);

// A producer's request, checked: names are valid, seal_data is canonical text (canonical_json.hpp).
struct Seal {
  std::string session_id;
  std::string authority;
  Verdict verdict = Verdict::seal;
  std::string seal_data;
  std::optional<Uuid> seal_id;  // nullopt: the writer draws a UUIDv7

  friend bool operator==(const Seal&, const Seal&) = default;
};

// One row of vault_ledger.
struct Entry {
  std::int64_t sequence = 0;
  std::string session_id;
  Uuid seal_id;
  Timestamp timestamp;
  std::string authority;
  Verdict verdict = Verdict::seal;
  std::optional<std::string> seal_data;  // canonical text; nullopt once erased
  std::optional<Salt> data_salt;         // nullopt once erased
  Hash data_hash{};
  Hash entry_hash{};
  Hash prev_hash{};
  Hash merkle_root{};
  // The time at which the database wrote the row, by its own clock. Informative: neither hashed nor compared; unknown
  // until the row is read back.
  std::optional<Timestamp> created_at{};

  friend bool operator==(const Entry& a, const Entry& b);
};

// The end of the chain: what the next entry builds on.
struct Head {
  std::int64_t sequence = 0;
  Hash entry_hash = zero_hash;
  Hash merkle_root{};   // of the first `sequence` entries; SHA-256 of "" for none
  Timestamp timestamp;  // of the last entry; meaningless for sequence 0

  friend bool operator==(const Head&, const Head&) = default;
};
Head empty_head();

// session_id, authority: 1-256 bytes of UTF-8 without control characters U+0000-U+001F, U+007F.
// Error: invalid_argument with `field`.
Status check_name(std::string_view value, std::string_view field);

// SHA-256(salt || canonical text): a hiding commitment to the payload.
Hash compute_data_hash(const Salt& salt, std::string_view canonical_seal_data);

// JCS of the nine-member envelope: the bytes that are hashed, proven and published. Uses the entry's sequence,
// session_id, seal_id, timestamp, authority, verdict, data_hash and prev_hash.
void append_leaf_data(const Entry& entry, std::string& out);

// SHA-256(0x00 || leaf_data): chain link and tree leaf at once (RFC 6962 section 2.1).
Hash compute_entry_hash(const Entry& entry);

// True if the content is the same for the purpose of idempotency: equal session_id, authority, verdict and payload
// text. An erased entry cannot match (its salt is gone): false.
bool same_content(const Entry& entry, const Seal& seal);

// A stored entry read without its payload: seal_data is nullopt, and data_hash is known only if the payload has been
// erased (no data_salt).
struct SealedEntry {
  Entry entry;
  bool linked = true;  // the neighbouring entries hold the same hashes as this one

  friend bool operator==(const SealedEntry&, const SealedEntry&) = default;
};

enum class SealMatch : std::uint8_t {
  same,
  other,    // different content, or erased
  damaged,  // the stored columns do not fit together: no answer is possible
};

// same_content() without the payload: recomputes data_hash from the stored salt and the seal's text, and entry_hash
// from that and the stored envelope. If the result equals the stored hash, the content is the same, whatever has
// happened to seal_data.
SealMatch match_seal(const SealedEntry& stored, const Seal& seal);

}  // namespace vault
