// A notary's state directory in memory. It outlives crashes; a save can fail, or succeed and not be heard of.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "actors/notary.hpp"
#include "tests/simulation/fake_store.hpp"

namespace vault::sim {

// The file, which belongs to the machine and not to the process.
using DiskFile = std::optional<std::string>;

class MemoryDisk final : public NotaryDisk {
 public:
  MemoryDisk(DiskFile& file, FakeDatabase& world, Life& life, std::function<void(const std::string&)> on_save)
      : file_(file), world_(world), life_(life), on_save_(std::move(on_save)) {}

  // Every vaultd of a simulation is given the same key.
  Result<SigningKey> load_key(const std::string& origin, bool) override {
    return SigningKey::from_seed(origin, Hash{7});
  }

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
      require(peek_checkpoint(*file_)->tree_size <= peek_checkpoint(note)->tree_size,
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
