// A notary's state directory in memory, for tests.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "actors/promise_memory.hpp"
#include "ledger/checkpoint.hpp"
#include "ledger/merkle_hash.hpp"

namespace vault {

class NotesInMemory final : public NotaryDisk {
 public:
  Result<SigningKey> load_key(const std::string& origin, bool) override {
    return SigningKey::from_seed(origin, hash_leaf("seed of " + origin));
  }
  Result<std::optional<std::string>> load_checkpoint() override { return checkpoint; }
  Status save_checkpoint(const std::string& note) override {
    if (!writable) return fail(ErrorCode::internal, "no space left on device");
    checkpoint = note;
    return {};
  }
  Result<std::vector<std::string>> load_evidence() override { return evidence; }
  Status keep_evidence(const std::string& note) override {
    if (!writable) return fail(ErrorCode::internal, "no space left on device");
    if (std::find(evidence.begin(), evidence.end(), note) == evidence.end()) evidence.push_back(note);
    return {};
  }
  Result<std::optional<std::string>> load_told() override { return told; }
  Status save_told(const std::string& text, bool durably) override {
    if (!writable) return fail(ErrorCode::internal, "no space left on device");
    told = text;
    told_durably = durably;
    return {};
  }

  std::optional<std::string> checkpoint, told;
  std::vector<std::string> evidence;
  bool told_durably = false;
  bool writable = true;
};

// Leaves "<history> 1", "<history> 2", ...; those up to `common` are the same in every history.
inline Frontier tree_of(std::size_t size, const std::string& history = "a", std::size_t common = 0) {
  Frontier tree;
  for (std::size_t i = 1; i <= size; ++i) {
    tree.append(hash_leaf((i <= common ? std::string("common") : history) + " " + std::to_string(i)));
  }
  return tree;
}

inline StoredCheckpoint signed_checkpoint(const std::string& origin, const Frontier& tree) {
  const auto key = NotesInMemory().load_key(origin, false).value();
  const Checkpoint checkpoint{origin, static_cast<std::int64_t>(tree.size()),
                              tree.size() == 0 ? empty_root() : tree.root()};
  return {checkpoint, sign_checkpoint(checkpoint, key)};
}

inline LogIdentity identity_of(const std::string& origin, std::int64_t accepted = 0) {
  return {origin, NotesInMemory().load_key(origin, false).value().verifier().format(), accepted};
}

}  // namespace vault
