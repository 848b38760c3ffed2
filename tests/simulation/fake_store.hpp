// The Store contract on a FakeDatabase: the promises of PostgresWriter, PostgresAppender and PostgresReader, with
// faults.
#pragma once

#include <deque>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "store/lease_watch.hpp"
#include "store/store.hpp"
#include "tests/simulation/fake_database.hpp"

namespace vault::sim {

// A process's life. It may be cut short in the middle of a handler: after this many effects, nothing reaches the world.
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

class FakeAppendSession;

// When each session of a process has an answer, and which ends are reported by no descriptor.
class SessionTimes {
 public:
  static constexpr Micros never = std::numeric_limits<Micros>::max();
  void set(const FakeAppendSession* session, Micros at) { at_[session] = at; }
  void forget(const FakeAppendSession* session) { at_.erase(session); }
  Micros of(const FakeAppendSession* session) const {
    const auto found = at_.find(session);
    return found == at_.end() ? never : found->second;
  }
  // No answer comes later than this.
  void hurry(Micros latest) {
    for (auto& [session, at] : at_) at = std::min(at, latest);
  }
  Micros next() const {
    Micros next = never;
    for (const auto& [session, at] : at_) next = std::min(next, at);
    return next;
  }
  std::size_t open = 0;    // sessions
  std::size_t untold = 0;  // outcomes that have arrived, and that nobody has asked for yet

 private:
  std::map<const FakeAppendSession*, Micros> at_;
};

// A batch runs when it is sent, and its answer arrives some time later.
class FakeAppendSession final : public AppendSession {
 public:
  FakeAppendSession(FakeDatabase& database, Life& life, SessionTimes& times);
  ~FakeAppendSession() override;

  void append(std::shared_ptr<const AppendRequest> request) override;
  std::optional<AppendOutcome> outcome() override;
  Watch watch() const override;  // a descriptor only while it has something to report
  void give_up() override;
  bool lost() const override { return lost_; }

 private:
  void dispatch(const AppendRequest& request);
  void complete(AppendOutcome outcome);
  AppendOutcome run(const AppendRequest& request, Fault fault, Micros& stall);
  std::optional<AppendOutcome> refuse(const AppendRequest& request) const;

  FakeDatabase& database_;
  Life& life_;
  SessionTimes& times_;
  const int server_;  // with which it is connected
  bool lost_ = false;
  bool breaks_ = false;                     // the connection, at the end of the batch in flight
  std::optional<AppendOutcome> in_flight_;  // its outcome
  std::shared_ptr<const AppendRequest> kept_;
  std::deque<AppendOutcome> complete_;
};

// The calls for which a writer must wait.
class FakeWriterStore final : public WriterStore {
 public:
  FakeWriterStore(FakeDatabase& database, Life& life) : database_(database), life_(life) {}

  Result<std::unique_ptr<AppendSession>> open_session() override;
  LeaseOutcome take_lease(const LeaseRequest& request) override;
  void rest() override { connected_ = false; }
  void release_lease(const std::string& instance, std::int64_t epoch) override;
  ResolveOutcome resolve(const AppendRequest& request) override;
  Result<std::vector<FoundSeal>> find_seals(std::span<const Uuid> seal_ids) override;
  Result<TreeView> read_tree(const TreeRequest& request) override;
  Result<std::optional<StoredCheckpoint>> store_checkpoint(std::int64_t epoch, const StoredCheckpoint& checkpoint,
                                                           const LogIdentity& identity) override;
  Status store_contradiction(const StoredCheckpoint& checkpoint, const std::string& told_by) override;

  // How long the calls since the last query of this have taken.
  Micros take_stall() { return std::exchange(stall_, 0); }
  Micros stall() const { return stall_; }
  const SessionTimes& sessions() const { return sessions_; }
  std::size_t connections() const { return sessions_.open + (connected_ ? 1 : 0); }
  void hurry(Micros latest) { sessions_.hurry(latest); }

 private:
  Fault begin(const char* call, bool transaction = false);
  bool lock_lease();
  bool find_fails();

  FakeDatabase& database_;
  Life& life_;
  SessionTimes sessions_;
  bool connected_ = false;
  std::string instance_;
  std::optional<std::int64_t> attempted_epoch_;  // raised by a resolve() whose answer was lost
  Micros stall_ = 0;
  std::int64_t lease_locked_at_ = 0;  // by the database's clock
  LeaseWatch watch_;
  Micros opens_fail_until_ = 0;
  Micros finds_fail_until_ = 0;
  std::deque<Micros> failed_finds_;  // of the last second
};

// The lease keeper's calls.
class FakeLeaseStore final : public LeaseStore {
 public:
  FakeLeaseStore(FakeDatabase& database, Life& life) : database_(database), life_(life) {}

  Result<LeaseRenewal> renew(const std::string& instance, std::int64_t epoch) override;
  Status confirm(const LeaseRequest& lease, std::int64_t epoch, std::int64_t at_least_sequence) override;
  void rest() override { connected_ = false; }
  std::size_t connections() const { return connected_ ? 1 : 0; }

  // How long the calls since the last query of this have taken.
  Micros take_stall() { return std::exchange(stall_, 0); }
  Micros stall() const { return stall_; }

 private:
  FakeDatabase& database_;
  Life& life_;
  bool connected_ = false;
  Micros stall_ = 0;
};

class FakeReaderStore final : public ReaderStore {
 public:
  FakeReaderStore(FakeDatabase& database, const Life& life) : database_(database), life_(life) {}
  Result<std::unique_ptr<Snapshot>> snapshot() override;
  void rest() override;
  std::size_t connections() const { return connected_ ? 1 : 0; }

 private:
  FakeDatabase& database_;
  const Life& life_;
  bool connected_ = false;
};

// The state that a take-over reads: the last entry's head, and the edge rebuilt from tiles and rows.
Result<LedgerState> load_state(FakeDatabase& database);
Result<TreeView> read_tree(FakeDatabase& database, const TreeRequest& request);

}  // namespace vault::sim
