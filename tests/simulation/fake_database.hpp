// A database in memory that behaves as Postgres does for the store: one row vault_head with the epoch that fences, a
// lock on it that a lost transaction may hold, unique seal_ids, a lease with the database's own clock. Every call can
// fail before it takes effect, fail after it, stall, or lose its connection with the transaction still under way. A
// checkpoint is stored under a shared lock on the lease, for which whoever writes the lease waits.
#pragma once

#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "store/store.hpp"
#include "tests/simulation/random.hpp"
#include "tests/simulation/report.hpp"

namespace vault::sim {

// The contents of the database's disk. Copies are snapshots to restore from.
struct DatabaseState {
  std::vector<Entry> entries;
  std::unordered_map<Uuid, std::size_t, UuidHash> index_by_seal_id;
  std::map<TileId, Tile> tiles;
  Head head = empty_head();
  std::int64_t epoch = 0;
  std::string lease_holder;
  std::int64_t lease_epoch = 0;
  std::int64_t lease_renewed_at = 0;
  std::vector<StoredCheckpoint> checkpoints;
  std::vector<LogIdentity> identities;
  std::vector<StoredCheckpoint> contradictions;
};

enum class Fault : std::uint8_t {
  none,
  before,      // the connection is lost before anything took effect
  after,       // it took effect, and then the connection was lost
  cancelled,   // it took effect, and somebody cancelled the wait for the standby; the connection stays
  under_way,   // append, checkpoint: lost around COMMIT, and the transaction goes on without its client
  rolled_back  // append, checkpoint: lost around COMMIT, and the transaction was rolled back
};

// A database that breaks its promises, to check that the invariants notice.
enum class Breakage : std::uint8_t {
  none,
  no_fence,            // appends to a head that has moved
  loses_rows,          // says committed, keeps nothing
  no_unique_seal_ids,  // takes a seal_id twice
  guesses_in_doubt,    // says committed of a transaction that was rolled back
  no_lease_fence,      // keeps a former writer's checkpoints
  // Not the database: state directories that lose what they should keep.
  forgets_checkpoints,  // what was signed or seen
  forgets_told,         // heads for which receipts were given
};

// A transaction whose client is gone. It holds the lock on vault_head until it ends.
struct LostTransaction {
  AppendRequest request;
  bool commits = false;
  Micros ends_at = 0;
};

// A checkpoint that is being stored, by a client that waits or is gone. It shares the lock on the lease until it ends.
struct CheckpointTransaction {
  std::int64_t epoch = 0;
  StoredCheckpoint checkpoint;
  LogIdentity identity;
  bool commits = false;
  Micros ends_at = 0;
};

class FakeDatabase {
 public:
  // `clock` is the true time.
  FakeDatabase(const Micros& clock, Random& random, Coverage& coverage, Trace& trace)
      : now(clock), random_(random), coverage_(coverage), trace_(trace) {}

  const Micros& now;

  DatabaseState state;
  std::string ledger_id = "5ea1c0de-0000-4000-8000-000000000999";
  bool down = false;
  int server = 0;                 // the one that answers
  bool quiet = false;             // no more faults
  Micros not_durable_until = 0;   // a server that would not keep what is written, and says so
  Micros cancelled_until = 0;     // waits for the standby are cancelled, mostly
  unsigned faults_per_mille = 0;  // of the writers' calls
  Micros clock_offset = 0;        // of the database's clock
  std::optional<LostTransaction> lost;
  std::vector<CheckpointTransaction> storing;
  std::function<void(const SequencedBatch&)> on_commit;
  std::function<void(std::int64_t epoch, const std::optional<StoredCheckpoint>& newest)> on_grant;
  std::function<void(std::int64_t epoch, const StoredCheckpoint&)> on_checkpoint;
  Breakage breakage = Breakage::none;

  Timestamp clock() const { return {epoch_micros + now + clock_offset}; }
  Fault draw(const char* call, bool transaction);
  Micros draw_stall();
  // False after a wait that was too long. Adds the wait to `stall`.
  bool lock_head(Micros& stall);
  bool lock_lease(Micros& stall);
  void commit(const AppendRequest& request);
  // Error: invalid_argument if the identity is not the ledger's.
  Status check_identity(const LogIdentity& identity) const;
  void keep_checkpoint(std::int64_t epoch, const StoredCheckpoint& checkpoint, const LogIdentity& identity);
  // Of the current identity.
  std::optional<StoredCheckpoint> newest_checkpoint() const;
  Promises promises() const;
  // Another server replaces this one: every session is lost, and so is everything under way.
  void fail_over(DatabaseState to);
  // Ends transactions whose time has come.
  void end_due_transactions();
  Micros next_end() const;
  Head head_of(std::size_t size) const;

  bool not_durable() const { return now < not_durable_until && !quiet; }
  std::function<void(const std::string&)> on_fault;  // one was drawn

  void note(const std::string& what) {
    ++coverage_[what];
    if (on_fault && what.starts_with("fault.")) on_fault(what);
    trace_.add(now, "database: " + what);
  }
  Random& random() { return random_; }

  // Unix time of the simulation's beginning.
  static constexpr std::int64_t epoch_micros = 1'700'000'000'000'000;

 private:
  void end_lost_transaction();
  void end_storing(Micros until);

  Random& random_;
  Coverage& coverage_;
  Trace& trace_;
};

// The database refuses a payload that contains this, as if it violated a constraint.
inline constexpr std::string_view poison = "poison";

}  // namespace vault::sim
