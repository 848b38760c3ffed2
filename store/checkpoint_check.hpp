// Checks stored checkpoints: compares them with the tree, their notes with the rows that hold them, and their
// signatures with the keys of the ledger's identities.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ledger/checkpoint.hpp"
#include "ledger/verifier.hpp"
#include "store/signature_check.hpp"
#include "store/store.hpp"

namespace vault {

class CheckpointCheck {
 public:
  // `threads`: at most this many verify signatures at once, including the caller's.
  explicit CheckpointCheck(unsigned threads = 1) : threads_(threads) {}

  // Sets the identities that the ledger has had, oldest first. Parses their keys once.
  void use_identities(std::vector<LogIdentity> identities);

  // True for a checkpoint of a history that was abandoned when the next identity was accepted: nothing in this ledger
  // contradicts it.
  bool given_up(const StoredCheckpoint& checkpoint) const;

  // True if it belongs to the log identity that signs now.
  bool is_current(const StoredCheckpoint& checkpoint) const;

  // Checks that the tree's first `sequence` entries have the checkpoint's root, and that it is signed. A note of an
  // abandoned history must be signed, too. Signatures are verified in large batches: a bad one may be reported by a
  // later call, which then names an earlier sequence, or by settle().
  std::optional<Finding> check(const StoredCheckpoint& checkpoint, std::int64_t sequence, const Hash& root);
  // Verifies the remaining signatures.
  std::optional<Finding> settle();
  // Checks that the row agrees with its note, and that the note is signed. A finding names `sequence`.
  std::optional<Finding> check_note(const StoredCheckpoint& checkpoint, std::int64_t sequence) const;

 private:
  struct Identity {
    LogIdentity stored;
    std::optional<VerifierKey> key;  // nullopt: malformed
    std::uint32_t key_id = 0;
    std::int64_t counts_up_to = 0;  // tree size up to which its checkpoints belong to this ledger
  };
  // A signature that has not been verified yet, and the text for a finding about it.
  struct Pending {
    std::int64_t sequence = 0, tree_size = 0;
  };
  const Identity* find(const std::string& origin) const;
  // Compares the row with its note, and adds the note's text and the log's signatures to `out`.
  std::optional<Finding> compare_note(const StoredCheckpoint& checkpoint, std::int64_t sequence,
                                      std::vector<KeyedMessage>& out) const;

  std::vector<Identity> identities_;
  std::vector<Pending> pending_;
  std::vector<KeyedMessage> messages_;  // those of pending_
  unsigned threads_;
};

}  // namespace vault
