// A notary's state directory in memory. It outlives crashes; a save can fail, or succeed without the notary knowing.
#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "actors/notary.hpp"
#include "ledger/sha256.hpp"
#include "tests/simulation/fake_store.hpp"

namespace vault::sim {

// The key that every vaultd of a simulation is given for this log.
inline SigningKey key_of(const std::string& origin) {
  return std::move(*SigningKey::from_seed(origin, sha256("key of " + origin)));
}

// The state directory, which belongs to the machine and not to the process.
struct DiskFiles {
  std::optional<std::string> checkpoint, told;
  std::vector<std::string> evidence;
  Micros full_until = 0;
};

class MemoryDisk final : public NotaryDisk {
 public:
  // `on_save`: called with a note that is about to be remembered, as the current one or as evidence. `on_told`: with a
  // head.
  MemoryDisk(DiskFiles& files, FakeDatabase& world, Life& life,
             std::function<void(const std::string& note, bool as_evidence)> on_save,
             std::function<void(const Checkpoint& head)> on_told)
      : files_(files), world_(world), life_(life), on_save_(std::move(on_save)), on_told_(std::move(on_told)) {}

  Result<SigningKey> load_key(const std::string& origin, bool) override { return key_of(origin); }

  Result<std::optional<std::string>> load_checkpoint() override { return kept().checkpoint; }
  Result<std::vector<std::string>> load_evidence() override { return kept().evidence; }
  Result<std::optional<std::string>> load_told() override { return kept().told; }

  Status save_checkpoint(const std::string& note) override {
    if (!life_.spend()) return vault::fail(ErrorCode::internal, "disk: dead");
    if (full()) return no_room();
    const bool faulty = !world_.quiet && world_.random().chance(world_.faults_per_mille / 2);
    if (faulty && world_.random().chance(500)) {
      world_.note("fault.disk.before");
      return vault::fail(ErrorCode::internal, "disk: write failed");
    }
    on_save_(note, false);
    if (files_.checkpoint) {
      const auto old = peek_checkpoint(*files_.checkpoint);
      const auto next = peek_checkpoint(note);
      require(old->origin != next->origin || old->tree_size <= next->tree_size,
              "an older checkpoint takes the place of the newest one remembered");
    }
    files_.checkpoint = note;
    if (!faulty) return {};
    world_.note("fault.disk.after");
    return vault::fail(ErrorCode::internal, "disk: fsync failed");
  }

  Status keep_evidence(const std::string& note) override {
    if (!life_.spend()) return vault::fail(ErrorCode::internal, "disk: dead");
    if (full()) return no_room();
    if (!world_.quiet && world_.random().chance(world_.faults_per_mille / 2)) {
      return vault::fail(ErrorCode::internal, "disk: write failed");
    }
    on_save_(note, true);
    if (std::find(files_.evidence.begin(), files_.evidence.end(), note) == files_.evidence.end()) {
      files_.evidence.push_back(note);
    }
    return {};
  }

  Status save_told(const std::string& text, bool) override {
    if (!life_.spend()) return vault::fail(ErrorCode::internal, "disk: dead");
    if (full() && !files_.told) return no_room();  // it is written in place
    files_.told = text;
    constexpr std::size_t hash_line = 65;  // after the three lines of a checkpoint
    on_told_(*parse_checkpoint(text.substr(0, text.size() - hash_line)));
    return {};
  }

 private:
  bool full() const { return world_.now < files_.full_until && !world_.quiet; }
  Status no_room() {
    world_.note("fault.disk.no_room");
    return vault::fail(ErrorCode::internal, "disk: no space left on device");
  }
  DiskFiles kept() const {
    DiskFiles files = files_;
    if (world_.breakage == Breakage::forgets_checkpoints) files.checkpoint.reset(), files.evidence.clear();
    if (world_.breakage == Breakage::forgets_told) files.told.reset();
    return files;
  }

  DiskFiles& files_;
  FakeDatabase& world_;
  Life& life_;
  std::function<void(const std::string&, bool)> on_save_;
  std::function<void(const Checkpoint&)> on_told_;
};

}  // namespace vault::sim
