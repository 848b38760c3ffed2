// The Store contract: what actors may ask of the place where a ledger lives, and what each answer promises.
//
// Three interfaces, because three kinds of actors use them. WriterStore takes the writer's lease and does whatever else
// a writer must wait for; with the lease comes an AppendSession, which appends without ever waiting and tells the
// outcomes of a commit apart. ReaderStore hands out snapshots. Each belongs to the thread that uses it; none throws.
// Errors of a lost or unreachable database have code `unavailable`.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "ledger/entry.hpp"
#include "ledger/page.hpp"
#include "ledger/result.hpp"
#include "ledger/sequencer.hpp"
#include "ledger/tile.hpp"
#include "ledger/verifier.hpp"

namespace vault {

// A checkpoint as it is kept: the signed note and what it says.
struct StoredCheckpoint {
  std::string origin;
  std::int64_t tree_size = 0;
  Hash root{};
  std::string note;
};

// A log identity of this database: one origin, one key. The first is stored with the first checkpoint; a later one only
// by --accept-rollback. Checkpoints of an identity count up to `accepted_sequence` of the one after it.
struct LogIdentity {
  std::string origin;
  std::string vkey;
  std::int64_t accepted_sequence = 0;  // the head on which this identity began
};

// The newest entry that announces a log identity (ledger/announcement.hpp), names being vaultd's own by then.
struct AnnouncementSeen {
  std::int64_t sequence = 0;
  Uuid seal_id;
  std::vector<Hash> given_up;  // roots of the checkpoints that it lists as contradicted
};

inline constexpr std::size_t contradictions_max = 100;  // of one origin

// What the database holds of what was signed for this ledger, as far as it can be believed: a row alone says nothing,
// a note must verify under the key of its identity, and an identity must be announced by the ledger itself.
struct Promises {
  std::vector<LogIdentity> identities;     // oldest first; the first one, and those that an entry announces
  std::vector<std::string> unannounced;    // origins in vault_origin that no entry announces: they do not count
  std::optional<StoredCheckpoint> newest;  // the largest of the newest identity
  // What a vaultd remembered and could not find here. Notes of these identities verify; those of other origins are as
  // they stand (a database that fell behind may not know an identity yet): whoever has the key judges them.
  std::vector<StoredCheckpoint> contradictions;
  std::int64_t contradiction_rows = 0;  // in the table, believed or not: where it grows, something was told
  std::optional<AnnouncementSeen> announcement;
};

// --- The writer's side -----------------------------------------------------------------------------------------------

struct LeaseRequest {
  std::string instance;  // who asks: stable over restarts of one vaultd, unique among those that share a database
  std::chrono::milliseconds timeout{3000};  // a lease not renewed for this long may be taken (lease_watch.hpp)
  bool look_only = false;  // answered by LeaseHeld whoever holds it: for a vaultd that must not write as things stand
  std::string host{};      // where the caller runs, for people
  std::int64_t pid = 0;
};

// Who has the lease, in words for people. All of it is what the holder has said of itself.
struct LeaseHolder {
  std::string host;  // "": unknown
  std::int64_t pid = 0;
  std::int64_t since_us = 0;  // when it took the lease, by the database's clock; 0: unknown
};

// One batch = one transaction.
struct AppendRequest {
  std::int64_t epoch = 0;
  Head expected;  // vault_head must hold exactly this and `epoch`
  SequencedBatch batch;
  Head next;  // what vault_head holds afterwards
};

enum class AppendKind : std::uint8_t {
  committed,  // the transaction has ended with synchronous_commit on: durable, on a synchronous standby too
  duplicate,  // refused: a seal_id is in the ledger already; nothing was written
  refused,    // refused for what the batch holds (a constraint, a value Postgres will not take); nothing was written
  occupied,  // refused: a row stands already where one of the batch belongs; nothing was written. Not the batch's fault
  head_moved,   // refused: vault_head is not `expected`/`epoch`; nothing was written, and the caller is fenced
  not_durable,  // refused: the server would not keep it (fsync, synchronous_commit, a pooler); nothing was written
  failed,       // surely not committed (no connection, lost before all of it was sent, the server said so)
  in_doubt,     // nobody knows, or the standby may lack it: resolve() must tell
};

struct AppendOutcome {
  AppendKind kind = AppendKind::failed;
  std::string detail;   // for the log: SQLSTATE and the server's words
  SqlState sqlstate{};  // where the server itself said no
};

// What to watch so as not to miss an answer: a descriptor that becomes readable (or writable, where `write`).
struct Watch {
  int descriptor = -1;  // -1: nothing
  bool write = false;
};

// A connection that appends and does nothing else. No call waits: for a thread that has other things to do.
class AppendSession {
 public:
  virtual ~AppendSession() = default;

  // Hands a batch over: it is sent at once, or, while another one is with the database, kept (encoded) until that has
  // committed. If that one comes to anything else, the one kept fails unseen, since it was built on it.
  // At most two may be open.
  virtual void append(std::shared_ptr<const AppendRequest> request) = 0;
  // Takes in what has arrived. What the oldest open batch came to; nullopt while that is not known.
  virtual std::optional<AppendOutcome> outcome() = 0;
  // What becomes readable when outcome() may know more.
  virtual Watch watch() const = 0;
  // Waiting has taken too long: the connection counts as lost, and the next outcome() says so.
  virtual void give_up() = 0;
  // Of no use any more: whatever is appended fails. Open batches still have their outcomes.
  virtual bool lost() const = 0;
};

// The caller is the writer now: the epoch has been raised first, the head read afterwards.
struct LeaseGrant {
  std::int64_t epoch = 0;
  LedgerState state;  // head, and the edge rebuilt from tiles and rows; roots agree
  Promises promises;
  std::string ledger_id;
  std::optional<std::string> missing_guard;  // what keeps the tables from being changed unnoticed, and is not there
  Timestamp database_now;
  std::unique_ptr<AppendSession> session;
  // Settings of the server with which a failure of its machine may cost entries all the same; for the log.
  std::vector<std::string> cautions{};
  // Whose the lease was, where it was another's until now.
  std::optional<LeaseHolder> taken_from{};
};

// The caller could be the writer, but the server would not keep what it is told (fsync is off, say), or takes no
// writes.
struct LeaseNotDurable {
  std::string detail;  // the promise that cannot be kept, and what mends it
};

// Somebody else holds a lease that is still fresh, or the caller only looked.
struct LeaseHeld {
  std::string holder;  // "": nobody
  std::int64_t epoch = 0;
  Head head;
  Promises promises;
  std::string ledger_id;
  LeaseHolder who{};
  bool own = false;  // the caller's, who only looked
};

// The database is there, but does not hand out what a writer builds on: a damaged page, a missing right. So nobody
// knows whether it fits.
struct LeaseUnreadable {
  std::string detail;  // the database's words
};

// Error: `unavailable` (no database: try again) or `internal` (the stored head, rows and tiles do not fit each other:
// sealing on top would bury the damage; the message names the first thing that does not fit).
using LeaseOutcome = std::variant<LeaseGrant, LeaseHeld, LeaseNotDurable, LeaseUnreadable, Error>;

// What to read of the tree in order to see whether a ledger keeps what was promised. Sizes are at most the head's.
struct TreeRequest {
  std::vector<std::uint64_t> sizes;  // trees whose roots are asked for
  std::uint64_t from = 0;            // the frontier of this size, and
  std::uint64_t to = 0;              // the leaf hashes from + 1 ... to
};
struct TreeView {
  std::vector<Hash> roots;  // in the order of TreeRequest::sizes
  Frontier frontier;
  std::vector<Hash> leaves;
};

enum class ResolveKind : std::uint8_t {
  committed,      // the batch is in the ledger
  not_committed,  // vault_head is still `expected`: it never will be
  fenced,         // vault_head is something else: another writer was here
  unreachable,    // still no database, or no session: ask again
};

struct ResolveOutcome {
  ResolveKind kind = ResolveKind::unreachable;
  std::int64_t epoch = 0;  // the caller's epoch from now on (committed, not_committed)
  std::string detail;
  std::unique_ptr<AppendSession> session;  // a new one (committed, not_committed)
};

// nullopt: no entry holds the seal_id. Error, `internal`: one does, or may, and cannot be read.
using FoundSeal = Result<std::optional<SealedEntry>>;

class WriterStore {
 public:
  virtual ~WriterStore() = default;

  // Another connection, for appends. Belongs to whoever holds it; may move to another thread between calls.
  virtual Result<std::unique_ptr<AppendSession>> open_session() = 0;

  // Takes the lease if it is free, expired or the caller's own; otherwise tells who holds it. Connects where needed.
  virtual LeaseOutcome take_lease(const LeaseRequest& request) = 0;

  // Nothing will be asked for a while: gives the connection up. The lease and its AppendSession stay.
  virtual void rest() {}

  // Gives the lease up, so that a standby need not wait for its timeout. Best effort.
  virtual void release_lease(const std::string& instance, std::int64_t epoch) = 0;

  // After in_doubt: on a new connection, fences first (raises writer_epoch, which waits for the lost transaction to
  // end), then compares vault_head with `request`. Before that it opens the session to go on with: without one it
  // leaves the lease to run out. Its own commit comes after the batch's, so that a synchronous standby which has got
  // the one has got the other; without the standby's word it is `unreachable`.
  virtual ResolveOutcome resolve(const AppendRequest& request) = 0;

  // The entries that hold these seal_ids, in the order asked. Reads no payloads, so that its cost is that of some
  // hundred bytes an entry, whatever has been sealed. An error is the database's; one about a single entry stands in
  // its place.
  virtual Result<std::vector<FoundSeal>> find_seals(std::span<const Uuid> seal_ids) = 0;

  // Roots, frontier and leaves as the database that is written to holds them now: one snapshot. Reads hashes only, and
  // of finished tiles one row for 256 of them. Error: `unavailable`, or `internal` where what is stored makes no tree.
  virtual Result<TreeView> read_tree(const TreeRequest& request) = 0;

  // Keeps a checkpoint (insert-only; the same again is no error), with its identity if that is new to the database.
  // Returns what stands in its place where that has another root: nothing was kept then. Error: `forbidden` where
  // another writer has taken over, `invalid_argument` where the identity is not the ledger's.
  virtual Result<std::optional<StoredCheckpoint>> store_checkpoint(std::int64_t epoch,
                                                                   const StoredCheckpoint& checkpoint,
                                                                   const LogIdentity& identity) = 0;

  // Tells all who share this database of a checkpoint that its ledger does not continue (insert-only; the same again is
  // no error). Needs no lease: whoever knows may tell. Error: `too_large` where contradictions_max are kept already.
  virtual Status store_contradiction(const StoredCheckpoint& checkpoint, const std::string& told_by) = 0;
};

// What keeps a lease and looks after it: a few small questions, on a connection of their own, so that nothing the
// writer waits for delays them.

struct LeaseRenewal {
  Timestamp database_now;
  // Why what is committed now would not be durable (fsync is off, say); nullopt: it would be.
  std::optional<std::string> not_durable;
  std::int64_t contradictions = 0;  // checkpoints that another vaultd holds against this ledger
  // Not each time: whether the tables are guarded as they were made, and if not, what is missing (LeaseGrant).
  bool guards_seen = false;
  std::optional<std::string> missing_guard;
};

class LeaseStore {
 public:
  virtual ~LeaseStore() = default;

  // Renews the heartbeat. It promises nothing else and waits for no standby. Error: `unavailable`, or `forbidden` where
  // the epoch or holder is not the caller's any more.
  virtual Result<LeaseRenewal> renew(const std::string& instance, std::int64_t epoch) = 0;

  // Reads, in one snapshot: lease and head are of `epoch` and the caller's, the head's sequence is at least
  // `at_least_sequence`, and the lease was renewed within its timeout (database clock). Error: `forbidden` where one of
  // these is not so, `unavailable` where that cannot be asked.
  virtual Status confirm(const LeaseRequest& lease, std::int64_t epoch, std::int64_t at_least_sequence) = 0;

  // Nothing will be asked for a while: gives the connection up.
  virtual void rest() {}
};

// --- The readers' side -----------------------------------------------------------------------------------------------

// What stands where nothing of a ledger may stand, the first of each kind; and how far its rows go.
struct Strays {
  struct StoredTile {
    std::int64_t level = 0, index = 0;  // as stored: may be negative
  };
  std::optional<std::int64_t> row_below;   // a row of vault_ledger below 1
  std::optional<std::int64_t> row_beyond;  // ... beyond the head
  std::int64_t row_last = 0;               // the last one up to the head; 0: none
  std::optional<StoredTile> tile;          // of rows that are not there, or of a level that does not exist
  std::int64_t head_rows = 1;              // of vault_head; counted up to 2
};

// One read-only repeatable-read view of the ledger. Ends with its lifetime.
class Snapshot : public TileReader {
 public:
  virtual Result<Head> head() = 0;
  virtual Result<std::optional<Entry>> entry_by_sequence(std::int64_t sequence) = 0;
  virtual Result<std::optional<Entry>> entry_by_seal_id(const Uuid& seal_id) = 0;
  // Ends at `limit` entries, limits::page_bytes_max, or after limits::scan_rows_max rows looked at; then next_cursor is
  // set. Never scans in proportion to the ledger: time bounds become sequence bounds by binary search.
  virtual Result<Page> page(const PageRequest& request) = 0;
  // Hands the rows of [from, to], as they are stored, to `row` in order, until it returns false. Streams: memory does
  // not grow with the range.
  virtual Status scan(std::int64_t from, std::int64_t to, const std::function<bool(const RowView&)>& row) = 0;
  // Full tiles as stored, of `level`, indexes [from, to); missing ones are absent from the result.
  virtual Result<std::vector<Tile>> tiles(unsigned level, std::uint64_t from, std::uint64_t to) = 0;
  virtual Result<std::vector<LogIdentity>> identities() = 0;  // as Promises::identities
  // Stored checkpoints with tree_size in [from, to], by tree_size; at most `limit`.
  virtual Result<std::vector<StoredCheckpoint>> checkpoints(std::int64_t from, std::int64_t to, std::size_t limit) = 0;
  virtual Result<std::optional<StoredCheckpoint>> newest_checkpoint() = 0;  // as Promises::newest
  virtual Result<std::string> ledger_id() = 0;
  // Is this a replica, which may be behind what the writer has told? False: what is not here is in no ledger.
  virtual Result<bool> is_replica() { return false; }
  // Of a ledger of `head` entries. O(log n).
  virtual Result<Strays> strays(std::int64_t head) = 0;
  // Of every origin, the stored checkpoint with the smallest tree_size over `size`. O(log n) an origin; of a hundred
  // origins at most, first those that sort first.
  virtual Result<std::vector<StoredCheckpoint>> checkpoints_beyond(std::int64_t size) = 0;
  // What vaultds have told of checkpoints that this ledger does not continue (vault_contradiction): at most a thousand
  // rows, as they stand. Anybody with a writer's role can put rows there.
  virtual Result<std::vector<StoredCheckpoint>> contradictions() { return std::vector<StoredCheckpoint>(); }
  virtual Result<std::optional<AnnouncementSeen>> announcement() { return std::optional<AnnouncementSeen>(); }
  // What the database takes on the server's disks; nullopt where that is not known.
  virtual Result<std::optional<std::int64_t>> database_bytes() { return std::optional<std::int64_t>(); }
  // Does a prepared transaction wait for its end? What it holds may yet come.
  virtual Result<bool> prepared_open() { return false; }
};

class ReaderStore {
 public:
  virtual ~ReaderStore() = default;
  // Connects where needed. The snapshot must end before the next one begins and before the store does.
  virtual Result<std::unique_ptr<Snapshot>> snapshot() = 0;
  // Nothing will be asked for a while: gives the connection up. No snapshot is open.
  virtual void rest() {}
};

}  // namespace vault
