// The Store contract on a FakeDatabase: what PostgresWriter and PostgresReader promise, with faults.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "store/store.hpp"
#include "tests/simulation/fake_database.hpp"

namespace vault::sim {

// A process's life. It may be cut short in the middle of a handler: after so many effects nothing reaches the world.
struct Life {
  bool dead = false;
  int effects_left = -1;  // -1: no end in sight

  // True if one more effect takes place.
  bool spend() {
    if (effects_left == 0) dead = true;
    if (effects_left > 0) --effects_left;
    return !dead;
  }
};

// One writer's session.
class FakeWriterStore final : public WriterStore {
 public:
  FakeWriterStore(FakeDatabase& database, Life& life) : database_(database), life_(life) {}

  LeaseOutcome take_lease(const LeaseRequest& request) override;
  Result<Timestamp> renew_lease(const std::string& instance, std::int64_t epoch) override;
  void release_lease(const std::string& instance, std::int64_t epoch) override;
  AppendOutcome append(const AppendRequest& request) override;
  ResolveOutcome resolve(const AppendRequest& request) override;
  Result<std::vector<std::optional<Entry>>> find_seals(std::span<const Uuid> seal_ids) override;
  Status store_checkpoint(std::int64_t epoch, const StoredCheckpoint& checkpoint, const LogIdentity& identity) override;

  // How long the calls since the last question have taken.
  Micros take_stall() { return std::exchange(stall_, 0); }
  Micros stall() const { return stall_; }

 private:
  Fault begin(const char* call, bool append = false);
  std::optional<AppendOutcome> refuse_append(const AppendRequest& request);
  AppendOutcome run_append(const AppendRequest& request, Fault fault);
  Status keep_checkpoint(const StoredCheckpoint& checkpoint, const LogIdentity& identity);

  FakeDatabase& database_;
  Life& life_;
  std::string instance_;
  std::optional<std::int64_t> attempted_epoch_;  // raised by a resolve() whose answer was lost
  Micros stall_ = 0;
};

class FakeReaderStore final : public ReaderStore {
 public:
  FakeReaderStore(FakeDatabase& database, const Life& life) : database_(database), life_(life) {}
  Result<std::unique_ptr<Snapshot>> snapshot() override;

 private:
  FakeDatabase& database_;
  const Life& life_;
};

// The state that a take-over reads: the last entry's head, and the edge rebuilt from tiles and rows.
Result<LedgerState> load_state(FakeDatabase& database);

}  // namespace vault::sim
