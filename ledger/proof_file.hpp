// Proof files (C2SP tlog-proof): one entry's inclusion, the checkpoint that covers it, and the leaf itself in `extra`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ledger/checkpoint.hpp"
#include "ledger/proof.hpp"
#include "ledger/result.hpp"

namespace vault {

struct ProofFile {
  std::optional<std::string> extra;  // leaf_data; not authenticated by itself
  std::uint64_t index = 0;           // sequence - 1
  Proof proof;
  std::string checkpoint;  // a signed note, verbatim
};

// An empty `extra` is left out, as if it were not set.
std::string format_proof_file(const ProofFile& file);
// Strict: refuses an extra line, white space, non-canonical base64 and over 63 hashes. Error: invalid_argument + line.
Result<ProofFile> parse_proof_file(std::string_view text);

// Opens the checkpoint with `key`, hashes `extra` (which must be set) and walks the proof to the root. Returns the
// checkpoint that vouches for the leaf.
Result<Checkpoint> check_proof_file(const ProofFile& file, const VerifierKey& key);

}  // namespace vault
