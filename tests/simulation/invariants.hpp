// What must hold after every step, checked where it could break: as rows commit, as checkpoints are signed, as receipts
// and events leave. Each check throws Violation.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ledger/checkpoint.hpp"
#include "ledger/proof.hpp"
#include "ledger/receipt.hpp"
#include "tests/simulation/fake_database.hpp"

namespace vault::sim {

// What one process has told so far.
struct EventFeed {
  std::uint64_t seq = 0;
  std::map<std::int64_t, Hash>
      told;                      // receipts and entries by sequence: one for each, whatever happens to the database
  std::int64_t entry = 0;        // sequence of the last entry event
  std::int64_t checkpoint = -1;  // size of the last checkpoint event
};

class Invariants {
 public:
  Invariants(FakeDatabase& database, Coverage& coverage) : database_(database), coverage_(coverage) {}

  // A request `request` of a producer holds this seal. Called for a seal before anyone could see it.
  void submitted(const Seal& seal, std::uint64_t request);

  // Rows: no gap, no fork, no seal_id twice, time does not run back, hashes and roots are right, and each is what a
  // producer asked for.
  void committed(const SequencedBatch& batch);

  // A checkpoint that was released somewhere: of rows that were durable, with their root.
  void signed_checkpoint(const std::string& note);
  // A vaultd remembers a checkpoint, its own or another's, in place of what it remembered before: it continues all that
  // this vaultd knows of this log. Whoever signs remembers first, so no key signs against what its holder knows.
  void remembered(int vaultd, int incarnation, const std::string& note);
  // From now on this vaultd knows of a checkpoint: its disk does, or (`incarnation` > 0) the process that runs.
  void knows(int vaultd, int incarnation, const std::string& note);
  // The disk of this vaultd remembers a head that a receipt was given for: nothing that contradicts it is signed or
  // told of there.
  void told_head(int vaultd, const Checkpoint& head);

  // The lease was granted: its holder builds on what the database has promised.
  void lease_granted(std::int64_t epoch, const std::optional<StoredCheckpoint>& newest);
  // A checkpoint is stored for the writer of `epoch`: remembered on a disk before, and known to whoever has taken over.
  void stored_checkpoint(std::int64_t epoch, const StoredCheckpoint& checkpoint);

  // A receipt has left: the row is there and says the same. `feed`: of the process that it came from.
  void receipt(EventFeed& feed, const Receipt& receipt, const Seal& seal);

  // A request was refused for a conflict: there is one, and nothing of it is in the ledger.
  void conflict(const std::vector<Seal>& seals, std::uint64_t request) const;

  // An event has left.
  void event(EventFeed& feed, const std::vector<std::string>& frames);

  // Everything once more, and the last root by plain recursion over all leaves.
  void whole_ledger();

  // The database was restored to its first `size` rows.
  void forget_after(std::size_t size);
  // Another server has taken the database's place; `before`: what the one before held.
  void history_switched(const DatabaseState& before);
  bool history_lost() const { return !histories_.empty(); }
  // Rows that were there before the simulation began.
  void accept_history() { committed_history_ = true; }

  // Root of the first `size` leaves: the recursion of RFC 6962 section 2.1, perfect subtrees remembered.
  Hash root(std::size_t size);

  // How often this seal is in the ledger; of one without seal_id, its content.
  std::size_t times_stored(const Seal& seal) const;
  // True if the seal_id was used with different contents: who wins is open.
  bool contested(const Seal& seal) const;
  bool tamper_is_fine = false;  // a test that expects alerts
  bool rollback_is_fine = false;
  bool split_is_fine = false;
  std::size_t size() const { return leaves_.size(); }
  // Size of the largest checkpoint signed.
  std::int64_t last_checkpoint_size() const { return last_checkpoint_size_; }
  // How many entries are vaultd's own: nobody has submitted them.
  std::size_t own_seals() const { return own_seals_; }

 private:
  // A checkpoint and the leaves of the history that it was signed for.
  struct Known {
    std::string origin;
    std::size_t size = 0;
    Hash root{};
    std::shared_ptr<const std::vector<Hash>> leaves;
  };
  // Of the history that has this root, this one or one before.
  Known durable_tree(const std::string& origin, std::size_t size, const Hash& its_root);
  const Known& signed_note(const std::string& note);
  static bool consistent(const Known& a, const Known& b);
  void one_told(EventFeed& feed, std::int64_t sequence, const Hash& entry_hash);
  void row(const Entry& entry);
  Hash subtree(std::size_t begin, std::size_t end);
  void checkpoint_growth(std::uint64_t from, std::uint64_t to, const Proof& proof);
  void entry_event(EventFeed& feed, std::int64_t sequence, const std::string& entry_hash);

  FakeDatabase& database_;
  Coverage& coverage_;
  std::vector<Hash> leaves_;
  std::int64_t last_micros_ = 0;
  std::set<Uuid> ids_;
  std::int64_t last_checkpoint_size_ = -1;
  std::size_t own_seals_ = 0;
  bool committed_history_ = false;
  std::unordered_map<std::uint64_t, Hash> perfect_;
  std::map<std::pair<std::string, std::int64_t>, Hash> checkpoints_;  // by origin and size: the last one signed
  std::map<std::string, Known> notes_;                                // all that were ever signed
  std::map<std::pair<int, int>, std::set<std::string>> knowledge_;    // notes, by vaultd and incarnation (0: its disk)
  std::map<std::pair<int, std::string>, Known> told_heads_;           // the newest, by vaultd and origin
  std::vector<std::vector<Hash>> histories_;                          // leaves of servers before this one
  std::map<Hash, Entry> lost_;                                        // entries that this server does not hold
  std::int64_t granted_epoch_ = 0;
  std::optional<StoredCheckpoint> granted_newest_;
  std::map<std::int64_t, Hash> acknowledged_;           // by sequence
  std::set<std::int64_t> first_receipts_;               // sequences told with duplicate: false
  std::map<std::string, std::size_t> stored_contents_;  // of seals in the ledger
  std::map<Uuid, std::map<std::string, std::set<std::uint64_t>>> requests_by_id_;  // then by content
  std::set<std::string> anonymous_;                                                // contents submitted without seal_id
};

// Equal for seals with the same content.
std::string content_of(const Seal& seal);
std::string content_of(const Entry& entry);

}  // namespace vault::sim
