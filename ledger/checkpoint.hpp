// Checkpoints (C2SP tlog-checkpoint): a signed note of origin, tree size and root.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ledger/bytes.hpp"
#include "ledger/result.hpp"
#include "ledger/signed_note.hpp"

namespace vault {

struct Checkpoint {
  std::string origin;
  std::int64_t tree_size = 0;  // up to 2^63 - 1, as the sequence of its last entry
  Hash root{};
  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

// The three lines.
std::string format_checkpoint(const Checkpoint& checkpoint);
// Reads the three lines. Refuses further lines (this log writes none), sizes over 2^63 - 1, and size 0 with a root
// other than the empty tree's. Error: invalid_argument naming the line.
Result<Checkpoint> parse_checkpoint(std::string_view text);

// The whole note, signed by the log's own key (whose name is the origin; VAULT_CHECK).
std::string sign_checkpoint(const Checkpoint& checkpoint, const SigningKey& key);
// Parses, verifies the signature, and requires origin == key name and a key of type ed25519.
Result<Checkpoint> open_checkpoint(std::string_view note, const VerifierKey& key);
// Parses without verifying, for text that is about to be checked or only shown.
Result<Checkpoint> peek_checkpoint(std::string_view note);

}  // namespace vault
