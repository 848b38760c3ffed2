// Compares stored checkpoints with the tree, the notes in them with the rows that hold them, and their signatures with
// the keys of the ledger's identities.
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
  // `threads`: at most this many verify signatures at once, the caller's among them.
  explicit CheckpointCheck(unsigned threads = 1) : threads_(threads) {}

  // Which identities the ledger has had, oldest first. Keys are parsed here, once.
  void use_identities(std::vector<LogIdentity> identities);

  // A checkpoint of a history that was given up when the identity after its own was accepted: nothing of this ledger
  // contradicts it.
  bool given_up(const StoredCheckpoint& checkpoint) const;

  // Is it of the log identity that signs now?
  bool is_current(const StoredCheckpoint& checkpoint) const;

  // The checkpoint is of the tree whose first `sequence` entries have this root, and signed. A note of a history that
  // was given up must be signed, too. Signatures are verified many at a time: what is wrong with one may be told by a
  // later call, which then names an earlier sequence, or by settle().
  std::optional<Finding> check(const StoredCheckpoint& checkpoint, std::int64_t sequence, const Hash& root);
  // Verifies what is left.
  std::optional<Finding> settle();
  // The row says what its note says, and the note is signed. `sequence` is what a finding names.
  std::optional<Finding> check_note(const StoredCheckpoint& checkpoint, std::int64_t sequence) const;

 private:
  struct Identity {
    LogIdentity stored;
    std::optional<VerifierKey> key;  // nullopt: malformed
    std::uint32_t key_id = 0;
    std::int64_t counts_up_to = 0;  // tree size up to which its checkpoints are of this ledger
  };
  // A signature that has not been verified yet, and what a finding about it says.
  struct Pending {
    std::int64_t sequence = 0, tree_size = 0;
  };
  const Identity* find(const std::string& origin) const;
  // The row says what its note says; the note's text and signatures by the log are added to `out`.
  std::optional<Finding> compare_note(const StoredCheckpoint& checkpoint, std::int64_t sequence,
                                      std::vector<KeyedMessage>& out) const;

  std::vector<Identity> identities_;
  std::vector<Pending> pending_;
  std::vector<KeyedMessage> messages_;  // of pending_
  unsigned threads_;
};

}  // namespace vault
