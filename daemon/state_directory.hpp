// The state directory: this vaultd's identity, its signing key, and the last checkpoint that it released.
//
//   instance        a UUID, made once: the holder of the lease
//   signing.pem     PKCS#8, mode 0600, unless another key file is configured
//   checkpoint      the newest checkpoint, a signed note; written through a temporary file, fsynced, renamed
//   contradictions/ checkpoints that contradict it, or were given up: one file each, named by its SHA-256, never
//   replaced
//   told            the newest head for which a receipt was given; written in place
//   lock            held while a vaultd uses the directory
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/promise_memory.hpp"
#include "ledger/result.hpp"
#include "os/file_descriptor.hpp"

namespace vault {

class StateDirectory final : public NotaryDisk {
 public:
  // Makes the directory (mode 0700) if it is missing. `key_file`: "" for signing.pem in the directory. Error:
  // invalid_argument naming the directory: not writable, or in use by another vaultd.
  static Result<std::unique_ptr<StateDirectory>> open(const std::string& path, const std::string& key_file);
  StateDirectory(const StateDirectory&) = delete;
  StateDirectory& operator=(const StateDirectory&) = delete;

  const std::string& instance() const { return instance_; }

  Result<SigningKey> load_key(const std::string& origin, bool may_create) override;
  Result<std::optional<std::string>> load_checkpoint() override;
  Status save_checkpoint(const std::string& note) override;
  Result<std::vector<std::string>> load_evidence() override;
  Status keep_evidence(const std::string& note) override;
  Result<std::optional<std::string>> load_told() override;
  Status save_told(const std::string& text, bool durably) override;

 private:
  StateDirectory() = default;
  std::string path_;
  std::string key_file_;
  bool own_key_ = true;
  std::string instance_;
  UniqueFd lock_;
  UniqueFd told_;  // the file, open since the first write
};

}  // namespace vault
