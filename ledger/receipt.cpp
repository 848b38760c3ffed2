#include "ledger/receipt.hpp"

namespace vault {

Result<Checkpoint> check_receipt(const Receipt& receipt, const VerifierKey& key,
                                 const std::optional<std::string>& canonical_seal_data) {
  if (!receipt.proof) {
    return fail(ErrorCode::invalid_argument, "the receipt is not signed: it has no proof and no checkpoint", "proof");
  }
  const Entry& entry = receipt.entry;
  const ReceiptProof& proof = *receipt.proof;
  if (entry.sequence < 1 || proof.leaf_index != static_cast<std::uint64_t>(entry.sequence) - 1) {
    return fail(ErrorCode::invalid_argument, "leaf_index is not sequence - 1", "leaf_index");
  }
  if (canonical_seal_data) {
    if (!entry.data_salt) {
      return fail(ErrorCode::invalid_argument, "the receipt has no data_salt: its payload cannot be checked",
                  "data_salt");
    }
    if (compute_data_hash(*entry.data_salt, *canonical_seal_data) != entry.data_hash) {
      return fail(ErrorCode::invalid_argument, "the payload is not the one that data_hash commits to", "data_hash");
    }
  }
  const Hash leaf = compute_entry_hash(entry);
  if (leaf != entry.entry_hash) {
    return fail(ErrorCode::invalid_argument, "entry_hash is not the hash of the receipt's members", "entry_hash");
  }
  auto checkpoint = open_checkpoint(proof.checkpoint, key);
  if (!checkpoint) return checkpoint;
  if (static_cast<std::uint64_t>(checkpoint->tree_size) != proof.tree_size) {
    return fail(ErrorCode::invalid_argument, "tree_size is not that of the checkpoint", "tree_size");
  }
  const Status included = verify_inclusion(leaf, proof.leaf_index, proof.tree_size, proof.proof, checkpoint->root);
  if (!included) return tl::unexpected(included.error());
  return checkpoint;
}

}  // namespace vault
