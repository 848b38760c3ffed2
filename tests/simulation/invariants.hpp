// Invariants, checked at every step where they could break: as rows commit, as checkpoints are signed, as receipts and
// events are sent. Each check throws Violation.
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

// The events that one process has sent so far.
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

  // Request `request` of a producer contains this seal. Call it for each seal before anyone could see it.
  void submitted(const Seal& seal, std::uint64_t request);

  // Rows: no gap, no fork, no duplicate seal_id, time does not run backwards, hashes and roots are right, and each was
  // requested by a producer.
  void committed(const SequencedBatch& batch);

  // A checkpoint was released somewhere: it must be of durable rows, with their root.
  void signed_checkpoint(const std::string& note);
  // A vaultd remembers a checkpoint, its own or another's, in place of the previous one: it must continue everything
  // that this vaultd knows of this log. Whoever signs remembers first, so no key signs against its holder's knowledge.
  void remembered(int vaultd, int incarnation, const std::string& note);
  // From now on this vaultd knows a checkpoint: on its disk, or (`incarnation` > 0) in the running process.
  void knows(int vaultd, int incarnation, const std::string& note);
  // The disk of this vaultd remembers a head for which a receipt was given: from then on it signs and reports nothing
  // that contradicts it.
  void told_head(int vaultd, const Checkpoint& head);

  // The lease was granted: its holder must build on what the database has promised.
  void lease_granted(std::int64_t epoch, const std::optional<StoredCheckpoint>& newest);
  // A checkpoint is stored for the writer of `epoch`: it must be on a disk already, and known to whoever has taken
  // over.
  void stored_checkpoint(std::int64_t epoch, const StoredCheckpoint& checkpoint);

  // A receipt was sent: its row must exist and agree. `feed`: of the process that sent it.
  void receipt(EventFeed& feed, const Receipt& receipt, const Seal& seal);

  // A request was refused for a conflict: there must be one, and nothing of the request in the ledger.
  void conflict(const std::vector<Seal>& seals, std::uint64_t request) const;

  // An event was sent.
  void event(EventFeed& feed, const std::vector<std::string>& frames);

  // Checks everything once more, and the last root by plain recursion over all leaves.
  void whole_ledger();

  // The database was restored to its first `size` rows.
  void forget_after(std::size_t size);
  // Another server has replaced the database; `before`: the contents of the previous one.
  void history_switched(const DatabaseState& before);
  bool history_lost() const { return !histories_.empty(); }
  // Accepts rows that were there before the simulation began.
  void accept_history() { committed_history_ = true; }

  // Root of the first `size` leaves: the recursion of RFC 6962 section 2.1, perfect subtrees remembered.
  Hash root(std::size_t size);

  // How often this seal is in the ledger; without a seal_id, its content.
  std::size_t times_stored(const Seal& seal) const;
  // True if the seal_id was used with different contents, so that either may win.
  bool contested(const Seal& seal) const;
  bool tamper_is_fine = false;  // a test that expects alerts
  bool rollback_is_fine = false;
  bool split_is_fine = false;
  std::size_t size() const { return leaves_.size(); }
  // Size of the largest checkpoint signed.
  std::int64_t last_checkpoint_size() const { return last_checkpoint_size_; }
  // The number of vaultd's own entries, which nobody submitted.
  std::size_t own_seals() const { return own_seals_; }

 private:
  // A checkpoint and the leaves of the history that it was signed for.
  struct Known {
    std::string origin;
    std::size_t size = 0;
    Hash root{};
    std::shared_ptr<const std::vector<Hash>> leaves;
  };
  // From the history with this root, the current one or an earlier one.
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
  std::map<Hash, Entry> lost_;                                        // entries that this server lacks
  std::int64_t granted_epoch_ = 0;
  std::optional<StoredCheckpoint> granted_newest_;
  std::map<std::int64_t, Hash> acknowledged_;           // by sequence
  std::set<std::int64_t> first_receipts_;               // sequences reported with duplicate: false
  std::map<std::string, std::size_t> stored_contents_;  // of seals in the ledger
  std::map<Uuid, std::map<std::string, std::set<std::uint64_t>>> requests_by_id_;  // then by content
  std::set<std::string> anonymous_;                                                // contents submitted without seal_id
};

// Equal for seals with the same content.
std::string content_of(const Seal& seal);
std::string content_of(const Entry& entry);

}  // namespace vault::sim
