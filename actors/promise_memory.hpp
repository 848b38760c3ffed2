// What this vaultd has promised, as far as it knows: the last checkpoint that it signed or saw, checkpoints that
// contradict it, and the newest head that it has given a receipt for. Nothing here is ever replaced by what was not
// shown to continue it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ledger/signed_note.hpp"
#include "store/store.hpp"

namespace vault {

// Where the notary's key and memory are kept: files in the state directory, or the simulator's memory.
class NotaryDisk {
 public:
  virtual ~NotaryDisk() = default;
  // The signing key under the name `origin`. Made if there is none and `may_create`.
  // Error: invalid_argument saying what to do.
  virtual Result<SigningKey> load_key(const std::string& origin, bool may_create) = 0;
  // The checkpoint remembered (a note); nullopt if none. Error: internal where it cannot be read.
  virtual Result<std::optional<std::string>> load_checkpoint() = 0;
  // Durable when it returns; the one before is gone.
  virtual Status save_checkpoint(const std::string& note) = 0;
  // Notes kept beside it. Error: internal where they cannot be read.
  virtual Result<std::vector<std::string>> load_evidence() = 0;
  // Durable when it returns; never replaces another note, and the same again is no error.
  virtual Status keep_evidence(const std::string& note) = 0;
  // The head last told of, as it was saved; nullopt if none. Error: internal where it cannot be read.
  virtual Result<std::optional<std::string>> load_told() = 0;
  // Survives the end of this process when it returns, and that of the machine where `durably`.
  virtual Status save_told(const std::string& text, bool durably) = 0;
};

class PromiseMemory {
 public:
  // `disk` outlives the memory.
  explicit PromiseMemory(NotaryDisk& disk) : disk_(disk) {}

  // Reads the disk where that has not been done since the last write that failed. Error: internal where it cannot be
  // read, invalid_argument where what is there is no checkpoint; nothing may be signed or overwritten then.
  Status load();

  // Signatures are not checked here: whoever uses a note has the key.
  const std::optional<StoredCheckpoint>& checkpoint() const { return checkpoint_; }
  const std::vector<StoredCheckpoint>& evidence() const { return evidence_; }
  // The newest head that a receipt was given for, as a checkpoint without a note.
  const std::optional<StoredCheckpoint>& told() const { return told_; }

  // Durable when it returns without error, and in memory in any case. The caller has shown that the ledger of
  // `checkpoint` continues the one remembered before. That of another origin is kept as evidence. VAULT_CHECK: not
  // smaller than one of the same origin.
  Status remember(const StoredCheckpoint& checkpoint);
  // At most contradictions_max; the same again is no error. Error: too_large, or internal where it cannot be written
  // (and is in memory).
  Status keep_evidence(const StoredCheckpoint& checkpoint);
  // In memory; write_told() takes it to the disk. A head of another origin replaces the one before.
  void tell(const std::string& origin, std::int64_t sequence, const Hash& root);
  // Does nothing where that is written already.
  Status write_told(bool durably);

 private:
  bool is_evidence(const StoredCheckpoint& checkpoint) const;

  NotaryDisk& disk_;
  bool loaded_ = false;
  std::optional<StoredCheckpoint> checkpoint_;
  std::vector<StoredCheckpoint> evidence_;
  std::optional<StoredCheckpoint> told_;
  bool unwritten_ = false;       // checkpoint_ is in memory only, as far as is known
  bool told_unwritten_ = false;  // since it changed
  bool told_undurable_ = false;
};

}  // namespace vault
