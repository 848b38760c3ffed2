// A notary's state directory in memory. It outlives crashes; a save can fail, or succeed and not be heard of.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "actors/notary.hpp"
#include "ledger/sha256.hpp"
#include "tests/simulation/fake_store.hpp"

namespace vault::sim {

// The key that every vaultd of a simulation is given for this log.
inline SigningKey key_of(const std::string& origin) {
  return std::move(*SigningKey::from_seed(origin, sha256("key of " + origin)));
}

// The file, which belongs to the machine and not to the process.
using DiskFile = std::optional<std::string>;

class MemoryDisk final : public NotaryDisk {
 public:
  MemoryDisk(DiskFile& file, FakeDatabase& world, Life& life, std::function<void(const std::string&)> on_save)
      : file_(file), world_(world), life_(life), on_save_(std::move(on_save)) {}

  Result<SigningKey> load_key(const std::string& origin, bool) override { return key_of(origin); }

  Result<std::optional<std::string>> load_checkpoint() override { return file_; }

  Status save_checkpoint(const std::string& note) override {
    if (!life_.spend()) return vault::fail(ErrorCode::internal, "disk: dead");
    const bool faulty = !world_.quiet && world_.random().chance(world_.faults_per_mille / 2);
    if (faulty && world_.random().chance(500)) {
      world_.note("fault.disk.before");
      return vault::fail(ErrorCode::internal, "disk: write failed");
    }
    on_save_(note);
    if (file_) {
      const auto old = peek_checkpoint(*file_);
      const auto next = peek_checkpoint(note);
      require(old->origin != next->origin || old->tree_size <= next->tree_size,
              "an older checkpoint takes the place of the newest one remembered");
    }
    file_ = note;
    if (!faulty) return {};
    world_.note("fault.disk.after");
    return vault::fail(ErrorCode::internal, "disk: fsync failed");
  }

 private:
  DiskFile& file_;
  FakeDatabase& world_;
  Life& life_;
  std::function<void(const std::string&)> on_save_;
};

}  // namespace vault::sim
