// The Store contract: what actors may ask of a ledger's storage, and what each answer promises.
//
// There are three interfaces, because three kinds of actors use them. WriterStore takes the writer's lease and does
// whatever else a writer must wait for; the lease comes with an AppendSession, which appends without ever waiting and
// distinguishes the outcomes of a commit. ReaderStore hands out snapshots. Each belongs to the thread that uses it;
// none throws. Errors of a lost or unreachable database have code `unavailable`.
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

// A checkpoint and the signed note that says it.
struct StoredCheckpoint : Checkpoint {
  std::string note{};
};

// A log identity of this database: one origin, one key. The first is stored with the first checkpoint; a later one only
// by --accept-rollback. Checkpoints of an identity count up to `accepted_sequence` of the next one.
struct LogIdentity {
  std::string origin;
  std::string vkey;
  std::int64_t accepted_sequence = 0;  // the head on which this identity began
};

// The newest entry that announces a log identity (ledger/announcement.hpp). Entries from
// before its names were reserved do not count.
struct AnnouncementSeen {
  std::int64_t sequence = 0;
  Uuid seal_id;
  std::vector<Hash> given_up;  // roots of the checkpoints that it lists as contradicted
};

inline constexpr std::size_t contradictions_max = 100;  // of one origin

// The signed promises about this ledger that the database holds, as far as they can be believed: a row alone proves
// nothing, a note must verify under the key of its identity, and an identity must be announced by the ledger itself.
struct Promises {
  std::vector<LogIdentity> identities;     // oldest first; the first one, and those that an entry announces
  std::vector<std::string> unannounced;    // origins in vault_origin that no entry announces: they do not count
  std::optional<StoredCheckpoint> newest;  // the largest of the newest identity
  // Checkpoints that a vaultd remembered and could not find here. Notes of these identities verify; those of other
  // origins are unchecked (a database that fell behind may not know an identity yet): whoever has the key judges them.
  std::vector<StoredCheckpoint> contradictions;
  std::int64_t contradiction_rows = 0;  // in the table, believed or not: a growing number means new reports
  std::optional<AnnouncementSeen> announcement;
};

// --- The writer's side -----------------------------------------------------------------------------------------------

struct LeaseRequest {
  std::string instance;  // the asking vaultd: stable over its restarts, unique among those that share a database
  std::chrono::milliseconds timeout{3000};  // a lease not renewed for this long may be taken (lease_watch.hpp)
  bool look_only =
      false;           // always answered by LeaseHeld, whoever holds it: for a vaultd that must not write at present
  std::string host{};  // where the caller runs, for people
  std::int64_t pid = 0;
};

// The holder of the lease, for people. All of it is the holder's own statement.
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
  committed,    // the transaction has ended with synchronous_commit on: durable, on a synchronous standby too
  duplicate,    // refused: a seal_id is already in the ledger; nothing was written
  refused,      // refused because of the batch's contents (a constraint, a value Postgres rejects); nothing was written
  occupied,     // refused: another row already has the batch's place; nothing was written. Not the batch's fault
  head_moved,   // refused: vault_head is not `expected`/`epoch`; nothing was written, and the caller is fenced
  not_durable,  // refused: the server would not keep it (fsync, synchronous_commit, a pooler); nothing was written
  failed,       // certainly not committed (no connection, lost before all of it was sent, the server said so)
  in_doubt,     // unknown, or the standby may lack it: resolve() must find out
};

struct AppendOutcome {
  AppendKind kind = AppendKind::failed;
  std::string detail;   // for the log: SQLSTATE and the server's message
  SqlState sqlstate{};  // if the server itself refused
};

// The descriptor to watch so as not to miss an answer: one that becomes readable (or writable, if `write`).
struct Watch {
  int descriptor = -1;  // -1: nothing
  bool write = false;
};

// A connection used for nothing but appends. No call waits: for a thread that has other work to do.
class AppendSession {
 public:
  virtual ~AppendSession() = default;

  // Hands over a batch: it is sent at once or, while another one is at the database, kept (encoded) until that one has
  // committed. If that one has any other outcome, the kept batch fails unsent, since it was built on it. At most two
  // may be open.
  virtual void append(std::shared_ptr<const AppendRequest> request) = 0;
  // Processes what has arrived. Returns the outcome of the oldest open batch; nullopt while it is unknown.
  virtual std::optional<AppendOutcome> outcome() = 0;
  // The descriptor to watch for the next outcome().
  virtual Watch watch() const = 0;
  // Waiting has taken too long: the connection counts as lost, and the next outcome() reports that.
  virtual void give_up() = 0;
  // No longer usable: all further appends fail. Open batches still have their outcomes.
  virtual bool lost() const = 0;
};

// The caller is now the writer: vault_head was locked and read, and the epoch raised, before anything else was read.
struct LeaseGrant {
  std::int64_t epoch = 0;
  LedgerState state;  // head, and the edge rebuilt from tiles and rows; their roots agree
  Promises promises;
  std::string ledger_id;
  std::optional<std::string> missing_guard;  // a missing protection against unnoticed changes of the tables
  Timestamp database_now;
  std::unique_ptr<AppendSession> session;
  // Server settings with which a machine failure may still cost entries; for the log.
  std::vector<std::string> cautions{};
  // The previous holder, if it was somebody else until now.
  std::optional<LeaseHolder> taken_from{};
  std::chrono::milliseconds silent_for{0};  // how long that one had not renewed it, by the database's clock
};

// The caller could be the writer, but the server would not keep what is written (fsync is off, say), or accepts no
// writes.
struct LeaseNotDurable {
  std::string detail;  // the promise that cannot be kept, and how to fix it
};

// Another vaultd holds a lease that is still fresh, or the caller only asked.
struct LeaseHeld {
  std::string holder;  // "": nobody
  std::int64_t epoch = 0;
  Head head;
  Promises promises;
  std::string ledger_id;
  LeaseHolder who{};
  bool own = false;  // the lease is the caller's, who only asked
};

// The database is there, but does not return the data that a writer builds on: a damaged page, a missing right. So
// whether that data fits together is unknown.
struct LeaseUnreadable {
  std::string detail;  // the database's message
};

// Error: `unavailable` (no database: try again) or `internal` (the stored head, rows and tiles do not fit together:
// sealing on top would bury the damage; the message names the first thing that does not fit).
using LeaseOutcome = std::variant<LeaseGrant, LeaseHeld, LeaseNotDurable, LeaseUnreadable, Error>;

// The parts of the tree to read in order to check whether a ledger keeps what was promised. Sizes are at most the
// head's.
struct TreeRequest {
  std::vector<std::uint64_t> sizes;  // trees whose roots are requested
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
  not_committed,  // vault_head is still `expected`: this attempt will never be in the ledger
  fenced,         // vault_head is something else: another writer was here
  unreachable,    // still no database, or no session: ask again
};

struct ResolveOutcome {
  ResolveKind kind = ResolveKind::unreachable;
  std::int64_t epoch = 0;  // the caller's epoch from now on (committed, not_committed)
  std::string detail;
  std::unique_ptr<AppendSession> session;  // a new one (committed, not_committed)
};

// nullopt: no entry holds the seal_id. Error: `internal` if an entry does, or may, but cannot be read.
using FoundSeal = Result<std::optional<SealedEntry>>;

class WriterStore {
 public:
  virtual ~WriterStore() = default;

  // Another connection, for appends. Belongs to whoever holds it; may move to another thread between calls.
  virtual Result<std::unique_ptr<AppendSession>> open_session() = 0;

  // Takes the lease if it is free, expired or the caller's own; otherwise says who holds it. Connects if needed.
  virtual LeaseOutcome take_lease(const LeaseRequest& request) = 0;

  // Call when no requests are expected for a while: closes the connection. The lease and its AppendSession stay.
  virtual void rest() {}

  // Gives the lease up, so that a standby need not wait for its timeout. Best effort.
  virtual void release_lease(const std::string& instance, std::int64_t epoch) = 0;

  // After in_doubt: on a new connection, locks vault_head, which waits for the lost transaction to end, compares it
  // with `request`, and raises writer_epoch unless another writer was here. Before that it opens the session for
  // further appends: if it cannot, it lets the lease expire. Its own commit comes after the batch's, so that a
  // synchronous standby that has received its commit has also received the batch's; without the standby's confirmation
  // the result is `unreachable`.
  virtual ResolveOutcome resolve(const AppendRequest& request) = 0;

  // The entries that hold these seal_ids, in the order requested. Reads no payloads, so it costs a few hundred bytes
  // per entry, whatever has been sealed. An error of the whole call is the database's; an error about a single entry is
  // in its place.
  virtual Result<std::vector<FoundSeal>> find_seals(std::span<const Uuid> seal_ids) = 0;

  // Roots, frontier and leaves as the primary database holds them now: one snapshot. Reads only hashes, one row for the
  // 256 of a finished tile. Error: `unavailable`, or `internal` if the stored data does not form a tree.
  virtual Result<TreeView> read_tree(const TreeRequest& request) = 0;

  // Stores a checkpoint (insert-only; repeating it is no error), together with its identity if that is new to the
  // database. If another root is stored in its place, returns that and stores nothing. Error: `forbidden` if another
  // writer has taken over, `invalid_argument` if the identity is not the ledger's.
  virtual Result<std::optional<StoredCheckpoint>> store_checkpoint(std::int64_t epoch,
                                                                   const StoredCheckpoint& checkpoint,
                                                                   const LogIdentity& identity) = 0;

  // Reports a checkpoint that the ledger does not continue to every vaultd on this database (insert-only; repeating it
  // is no error). Needs no lease: any vaultd may report. Error: `too_large` if contradictions_max are stored already.
  virtual Status store_contradiction(const StoredCheckpoint& checkpoint, const std::string& told_by) = 0;
};

// Keeps up a lease: a few small queries on a connection of their own, so that nothing the writer waits for delays them.

struct LeaseRenewal {
  Timestamp database_now;
  // Why a commit now would not be durable (fsync is off, say); nullopt: it would be.
  std::optional<std::string> not_durable;
  std::int64_t contradictions = 0;  // checkpoints that other vaultds have reported against this ledger
  // Not set each time: whether the tables' guards were checked, and if so, which of them is missing (LeaseGrant).
  bool guards_seen = false;
  std::optional<std::string> missing_guard;
};

class LeaseStore {
 public:
  virtual ~LeaseStore() = default;

  // Renews the heartbeat. It promises nothing else and waits for no standby. Error: `unavailable`, or `forbidden` if
  // the epoch or holder is no longer the caller's.
  virtual Result<LeaseRenewal> renew(const std::string& instance, std::int64_t epoch) = 0;

  // Checks, in one snapshot: lease and head are of `epoch` and the caller's, the head's sequence is at least
  // `at_least_sequence`, and the lease was renewed within its timeout (database clock). Error: `forbidden` if one of
  // these does not hold, `unavailable` if it cannot be checked.
  virtual Status confirm(const LeaseRequest& lease, std::int64_t epoch, std::int64_t at_least_sequence) = 0;

  // Call when no requests are expected for a while: closes the connection.
  virtual void rest() {}
};

// --- The readers' side -----------------------------------------------------------------------------------------------

// Rows where a ledger must not have any, the first of each kind; and how far its rows go.
struct Strays {
  struct StoredTile {
    std::int64_t level = 0, index = 0;  // as stored: may be negative
  };
  std::optional<std::int64_t> row_below;   // a row of vault_ledger below 1
  std::optional<std::int64_t> row_beyond;  // a row beyond the head
  std::int64_t row_last = 0;               // the last one up to the head; 0: none
  std::optional<StoredTile> tile;          // of rows that do not exist, or of a level that does not exist
  std::int64_t head_rows = 1;              // of vault_head; counted up to 2
};

// One read-only repeatable-read view of the ledger. Ends with its lifetime.
class Snapshot : public TileReader {
 public:
  virtual Result<Head> head() = 0;
  virtual Result<std::optional<Entry>> entry_by_sequence(std::int64_t sequence) = 0;
  virtual Result<std::optional<Entry>> entry_by_seal_id(const Uuid& seal_id) = 0;
  // Ends at `limit` entries, limits::page_bytes_max, or after scanning limits::scan_rows_max rows; then next_cursor is
  // set. Never scans in proportion to the ledger: time bounds become sequence bounds by binary search.
  virtual Result<Page> page(const PageRequest& request) = 0;
  // Passes the rows of [from, to], as stored, to `row` in order, until it returns false. Streams: memory does not grow
  // with the range.
  virtual Status scan(std::int64_t from, std::int64_t to, const std::function<bool(const RowView&)>& row) = 0;
  // Full tiles as stored, of `level`, indexes [from, to); missing ones are absent from the result.
  virtual Result<std::vector<Tile>> tiles(unsigned level, std::uint64_t from, std::uint64_t to) = 0;
  virtual Result<std::vector<LogIdentity>> identities() = 0;  // see Promises::identities
  // Stored checkpoints with tree_size in [from, to], by tree_size; at most `limit`.
  virtual Result<std::vector<StoredCheckpoint>> checkpoints(std::int64_t from, std::int64_t to, std::size_t limit) = 0;
  virtual Result<std::optional<StoredCheckpoint>> newest_checkpoint() = 0;  // see Promises::newest
  virtual Result<std::string> ledger_id() = 0;
  // Whether this is a replica, which may lag behind what the writer has reported. False: entries missing here are
  // nowhere.
  virtual Result<bool> is_replica() { return false; }
  // For a ledger of `head` entries. O(log n).
  virtual Result<Strays> strays(std::int64_t head) = 0;
  // For each origin, the stored checkpoint with the smallest tree_size over `size`. O(log n) per origin; at most a
  // hundred origins, in sort order.
  virtual Result<std::vector<StoredCheckpoint>> checkpoints_beyond(std::int64_t size) = 0;
  // Checkpoints that vaultds have reported because this ledger does not continue them (vault_contradiction): at most a
  // thousand rows, unchecked. Anybody with a writer's role can insert rows there.
  virtual Result<std::vector<StoredCheckpoint>> contradictions() { return std::vector<StoredCheckpoint>(); }
  virtual Result<std::optional<AnnouncementSeen>> announcement() { return std::optional<AnnouncementSeen>(); }
  // Disk space that the database takes on the server; nullopt if unknown.
  virtual Result<std::optional<std::int64_t>> database_bytes() { return std::optional<std::int64_t>(); }
  // Whether a prepared transaction is waiting for its end. Its contents may yet appear.
  virtual Result<bool> prepared_open() { return false; }
};

class ReaderStore {
 public:
  virtual ~ReaderStore() = default;
  // Connects if needed. The snapshot must end before the next one begins and before the store does.
  virtual Result<std::unique_ptr<Snapshot>> snapshot() = 0;
  // Call when no requests are expected for a while: closes the connection. No snapshot may be open.
  virtual void rest() {}
};

}  // namespace vault
