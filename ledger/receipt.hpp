// A receipt: which entry a seal became. With a proof and a checkpoint it convinces a third party by itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "ledger/checkpoint.hpp"
#include "ledger/entry.hpp"
#include "ledger/proof.hpp"

namespace vault {

// The part that `sign: true` adds.
struct ReceiptProof {
  std::uint64_t leaf_index = 0;
  std::uint64_t tree_size = 0;
  Proof proof;
  std::string checkpoint;  // signed note

  friend bool operator==(const ReceiptProof&, const ReceiptProof&) = default;
};

struct Receipt {
  Entry entry;             // without seal_data
  bool duplicate = false;  // the seal_id was in the ledger already, with the same content
  std::optional<ReceiptProof> proof;

  friend bool operator==(const Receipt&, const Receipt&) = default;
};

// Offline check of a signed receipt: rebuilds leaf_data from the entry's members, hashes it, walks the proof, opens the
// checkpoint with `key`. With `canonical_seal_data`, also checks that this is the payload committed to. Returns the
// checkpoint that vouches for the entry. Error: invalid_argument saying which step failed.
Result<Checkpoint> check_receipt(const Receipt& receipt, const VerifierKey& key,
                                 const std::optional<std::string>& canonical_seal_data);

}  // namespace vault
