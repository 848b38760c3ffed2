// Everything this vaultd is known to have promised: the last checkpoint that it signed or saw, checkpoints that
// contradict it, and the newest head for which it has given a receipt. Nothing here is ever replaced by anything that
// was not shown to continue it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ledger/signed_note.hpp"
#include "store/store.hpp"

namespace vault {

// Storage of the notary's key and memory: files in the state directory, or the simulator's memory.
class NotaryDisk {
 public:
  virtual ~NotaryDisk() = default;
  // The signing key under the name `origin`. Made if there is none and `may_create`. Error: invalid_argument saying
  // what to do.
  virtual Result<SigningKey> load_key(const std::string& origin, bool may_create) = 0;
  // The remembered checkpoint (a note); nullopt if there is none. Error: internal if it cannot be read.
  virtual Result<std::optional<std::string>> load_checkpoint() = 0;
  // Durable when it returns; the previous one is gone.
  virtual Status save_checkpoint(const std::string& note) = 0;
  // Notes kept beside it. Error: internal if they cannot be read.
  virtual Result<std::vector<std::string>> load_evidence() = 0;
  // Durable when it returns; never replaces another note, and repeating it is no error.
  virtual Status keep_evidence(const std::string& note) = 0;
  // The last acknowledged head, as it was saved; nullopt if there is none. Error: internal if it cannot be read.
  virtual Result<std::optional<std::string>> load_told() = 0;
  // When it returns, the text survives the end of this process, and a crash of the machine if `durably`.
  virtual Status save_told(const std::string& text, bool durably) = 0;
};

class PromiseMemory {
 public:
  // `disk` outlives the memory.
  explicit PromiseMemory(NotaryDisk& disk) : disk_(disk) {}

  // Reads the disk, unless that has been done since the last failed write. Error: internal if it cannot be read,
  // invalid_argument if its contents are not a checkpoint; nothing may be signed or overwritten then.
  Status load();

  // Signatures are not checked here: whoever uses a note has the key.
  const std::optional<StoredCheckpoint>& checkpoint() const { return checkpoint_; }
  const std::vector<StoredCheckpoint>& evidence() const { return evidence_; }
  // The newest head for which a receipt was given, as a checkpoint without a note.
  const std::optional<StoredCheckpoint>& told() const { return told_; }

  // Durable when it returns without error, and in memory in any case. The caller has shown that the ledger of
  // `checkpoint` continues the previous one. A previous one of another origin is kept as evidence. VAULT_CHECK: not
  // smaller than one of the same origin.
  Status remember(const StoredCheckpoint& checkpoint);
  // At most contradictions_max; repeating it is no error. Error: too_large, or internal if it cannot be written (and is
  // in memory only).
  Status keep_evidence(const StoredCheckpoint& checkpoint);
  // In memory only; write_told() writes it to disk. A head of another origin replaces the previous one.
  void tell(const std::string& origin, std::int64_t sequence, const Hash& root);
  // Does nothing if it has already been written.
  Status write_told(bool durably);

 private:
  bool is_evidence(const StoredCheckpoint& checkpoint) const;

  NotaryDisk& disk_;
  bool loaded_ = false;
  std::optional<StoredCheckpoint> checkpoint_;
  std::vector<StoredCheckpoint> evidence_;
  std::optional<StoredCheckpoint> told_;
  bool unwritten_ = false;       // as far as is known, checkpoint_ is in memory only
  bool told_unwritten_ = false;  // since it changed
  bool told_undurable_ = false;
};

}  // namespace vault
