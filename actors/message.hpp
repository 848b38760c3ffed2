// What actors say to each other: plain data, moved, never shared except as pointers to const.
//
// Data goes one way: gateway -> writer (which has the committer store it) -> notary -> publisher; gateway -> reader.
// What comes back to a gateway is the answer to its own ticket. A message may own what cannot be copied (a session).
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "actors/histogram.hpp"
#include "ledger/kept_seal.hpp"
#include "store/store.hpp"
#include "wire/codec.hpp"
#include "wire/event.hpp"
#include "wire/message.hpp"

namespace vault {

enum class ActorId : std::uint8_t {
  gateway,
  decoder,
  writer,
  committer,
  coordinator,
  lease_keeper,
  notary,
  publisher,
  auditor,
  authenticator,
  reader_first,  // readers count up from here
};
inline ActorId reader_id(std::size_t index) {
  return static_cast<ActorId>(static_cast<std::size_t>(ActorId::reader_first) + index);
}
std::string actor_name(ActorId id);

using Ticket = std::uint64_t;  // the gateway's name for one request
using Entries = std::shared_ptr<const std::vector<Entry>>;

// --- gateway -> decoder -> gateway -----------------------------------------------------------------------------------

// A message that is so large that others would wait while it is decoded.
struct DecodeTask {
  Ticket ticket = 0;
  std::shared_ptr<const std::string> body;
  CodecLimits limits;
};
struct DecodeAnswer {
  Ticket ticket = 0;
  tl::expected<Request, DecodeFailure> request;
};

// --- gateway -> writer -----------------------------------------------------------------------------------------------

struct SealOrder {
  Ticket ticket = 0;
  std::vector<Seal> seals;
  bool ingest = false;    // came by the ingest socket: must not be refused for a database that is away
  std::size_t bytes = 0;  // what it counts against the gateway's credit
  std::chrono::steady_clock::time_point since{};  // when the round began in which it came
};
struct SealOrders {
  std::vector<SealOrder> orders;
};

// --- writer -> gateway -----------------------------------------------------------------------------------------------

struct SealAnswer {
  Ticket ticket = 0;
  Result<std::vector<Receipt>> receipts;
};
struct SealAnswers {
  std::vector<SealAnswer> answers;
  Head head;  // durable
};
struct KeptAnswers {  // of the emergency mode's writer, which has no chain
  std::vector<std::pair<Ticket, Result<std::vector<KeptReceipt>>>> answers;
};
// What a writer measures.
struct WriterFigures {
  Histogram commit_seconds{bounds_seconds};
  Histogram batch_seals{bounds_seals};
  Histogram queue_wait_seconds{bounds_seconds};  // of an order, from its arrival until its batch is sent
  std::array<std::int64_t, 6> sealed{};          // new entries by verdict
  std::optional<double> clock_skew_seconds;      // by how much this machine's clock is ahead of the database's
};
struct WriterStatus {
  bool writer = false;   // holds the lease
  bool ready = false;    // sealing works, as far as is known
  bool trial = false;    // not ready, but seals are taken to see whether it works again
  bool settled = false;  // as writer, as standby, or refusing to write: start-up is over
  std::int64_t epoch = 0;
  Head head;  // durable; of a standby: what the database last showed
  std::size_t in_flight = 0;
  std::size_t queued = 0;
  bool database_connected = false;
  std::string detail;                // why not ready
  std::optional<LeaseHolder> other;  // who writes, if it is another vaultd
  std::string ledger_id;
  std::map<std::string, std::int64_t> counters;
  WriterFigures figures;
};

// --- writer -> committer -> writer -----------------------------------------------------------------------------------

// The session that appends go to from now on; the one before is closed.
struct UseSession {
  std::unique_ptr<AppendSession> session;
};
// Appends carry a generation: after an append that did not commit, the committer fails every later one of the same
// generation, since it was built on the one that failed.
struct Append {
  std::uint64_t generation = 0;
  std::shared_ptr<const AppendRequest> request;
};
struct AppendAnswer {
  std::uint64_t generation = 0;
  AppendOutcome outcome;
};
// The session ended while nothing was in flight. It may cross the UseSession that replaces it: the writer then takes
// the lease once more, which costs a reconnect and nothing else.
struct SessionLost {};

// --- writer, notary -> coordinator -> writer, notary
// ---------------------------------------------------------------------

struct TakeLease {
  bool look_only = false;  // this vaultd must not write as things stand: only tell it how they stand
};
struct Resolve {
  std::shared_ptr<const AppendRequest> request;
};
struct FindSeals {
  std::vector<Uuid> seal_ids;
};
struct StoreCheckpoint {
  std::int64_t epoch = 0;
  StoredCheckpoint checkpoint;
  LogIdentity identity;
};

struct LeaseAnswer {
  LeaseOutcome outcome;
};
struct ResolveAnswer {
  ResolveOutcome outcome;
};
struct FindAnswer {
  Result<std::vector<FoundSeal>> found;
};
struct StoreCheckpointAnswer {
  std::int64_t epoch = 0;
  std::int64_t tree_size = 0;
  Result<std::optional<StoredCheckpoint>> in_its_place;  // as WriterStore::store_checkpoint()
};

// For the notary: what it compares with what it remembers; `question` comes back as it went.
struct ReadTree {
  std::uint64_t question = 0;
  TreeRequest request;
};
struct TreeRead {
  std::uint64_t question = 0;
  Result<TreeView> view;
};
// A checkpoint that the ledger does not continue, to be told to all who share the database.
struct TellContradiction {
  StoredCheckpoint checkpoint;
};
struct ContradictionTold {
  StoredCheckpoint checkpoint;
  Status status;
};

// --- writer, notary -> lease keeper -> writer, notary
// ------------------------------------------------------------------

// The sealing thread makes progress and holds this epoch: the lease is renewed for lease_timeout / 2 from now on, and
// no longer unless it says so again. Epoch 0: it holds none any more.
struct KeepLease {
  std::int64_t epoch = 0;
  std::chrono::steady_clock::time_point at{};  // when it made progress: this message may have waited
};
struct LeaseRenewed {
  std::int64_t epoch = 0;
  Result<LeaseRenewal> renewal;
};
// Is the lease still ours, and does the ledger, as it is read now, hold at least this many entries? Asked before
// signing.
struct ConfirmLease {
  std::int64_t epoch = 0;
  std::int64_t at_least_sequence = 0;
};
struct LeaseConfirmed {
  std::int64_t epoch = 0;  // both as asked
  std::int64_t at_least_sequence = 0;
  Status status;  // as LeaseStore::confirm()
};

// --- writer -> notary ------------------------------------------------------------------------------------------------

// The lease is taken: may this tree be written on? Answered by Adopted.
struct Adopt {
  std::int64_t epoch = 0;
  Head head;
  Promises promises;
  std::string ledger_id;
};
// Another vaultd writes, or nobody does: does its ledger keep what is remembered here? Answered by Followed.
struct Follow {
  Head head;
  Promises promises;
  std::string ledger_id;
};
// Durable: entries in ledger order, and which ingest orders they answer.
struct Committed {
  std::int64_t epoch = 0;
  Entries entries;
  Head head;
  std::vector<Receipt> ingest;  // of ingest seals, new or duplicate
  std::size_t bytes = 0;        // of memory that the entries hold; the publisher tells when it is free
};
struct IngestKept {  // the same of the emergency mode's writer
  std::vector<KeptReceipt> receipts;
};
struct IngestRefused {
  std::vector<std::pair<Uuid, Error>> refusals;
};
struct Epoch {  // the writer's epoch has changed (an in-doubt commit was resolved)
  std::int64_t epoch = 0;
};

// --- notary -> writer ------------------------------------------------------------------------------------------------

struct Adopted {
  enum class Outcome : std::uint8_t {
    agreed,
    refused,  // this vaultd must not write on it; the notary has raised the alert
    unread,   // the database could not be asked
  };
  std::int64_t epoch = 0;  // of the Adopt that this answers
  Outcome outcome = Outcome::agreed;
  std::string reason;             // why not
  std::vector<Seal> first_seals;  // to be sealed before anything else (--accept-rollback)
};
struct Followed {
  std::optional<std::string> refusal;  // why this vaultd must not take the lease
};
// Can checkpoints be signed and remembered? Told when that changes for good: it is what `sign: true` and proofs rest
// on.
struct SigningState {
  std::optional<std::string> impossible;  // why not
};

// --- publisher -> writer ---------------------------------------------------------------------------------------------

// So many bytes of entries have been told, and their memory is free.
struct Published {
  std::size_t bytes = 0;
};

// --- notary -> gateway, publisher, auditor ---------------------------------------------------------------------------

struct CheckpointSigned {
  StoredCheckpoint checkpoint;
  std::string vkey;
  std::optional<CheckpointEvent> event;  // nullopt: a copy of another writer's
};

// --- gateway -> readers -> gateway -----------------------------------------------------------------------------------

// A signed receipt: the receipts wait for their proofs under `checkpoint`.
struct SignTask {
  std::vector<Receipt> receipts;
  bool batch = false;
};
// Is the database there, and how far does a snapshot see?
struct ProbeTask {};
// A verification between two turns at a reader.
struct VerifyRun {
  std::optional<LedgerState> end;  // after the rows verified so far; nullopt: none
  std::int64_t checked = 0;        // rows
  std::int64_t from = 0, to = 0;   // `to`: the last row when it began
  std::chrono::steady_clock::time_point started, told;
  int turns_beyond = 0;  // beyond `to`
};
struct ReadTask {
  Ticket ticket = 0;
  RequestId id;
  std::variant<ReadRequest, ListRequest, VerifyRangeRequest, ProofRequest, ConsistencyRequest, TileRequest,
               EntryBundleRequest, HeadRequest, SignTask, ProbeTask>
      task;
  std::int64_t at_least = 0;  // the request's own: the answer must have seen this sequence
  std::int64_t told = 0;      // entries up to here are known to be sealed, by whatever vaultd has heard
  std::shared_ptr<const StoredCheckpoint> checkpoint;  // the latest one
  Head known_head;                                     // verify: the writer's own; sequence 0 if unknown
  // The three above are to stay what they are now: a snapshot that sees them is waited for, or rows have been
  // compared with them.
  bool pinned = false;
  // The database is no replica and still lacks what was told, after a while: no more waiting.
  bool insist = false;
  std::shared_ptr<VerifyRun> run;  // of whoever holds the task
};
struct ReadProgress {
  Ticket ticket = 0;
  std::string message;
};
enum class ReadWait : std::uint8_t {
  none,        // answered
  turn,        // there is more to do, once others have had their turn
  checkpoint,  // the entry is newer than the latest one: ask again once one of `size` is there
  snapshot,    // the database is behind: ask again once a snapshot sees `size`
};
struct ReadAnswer {
  Ticket ticket = 0;
  ActorId reader = ActorId::reader_first;
  std::string message{};  // encoded reply; with `snapshot`: what to say when there is no time left
  ReadWait wait = ReadWait::none;
  std::int64_t size = 0;
  std::optional<ReadTask> task{};  // given back where it waits, or the database is lost
  std::int64_t seen = -1;          // the snapshot's head, where it was looked at
  bool replica = true;             // the database may be behind; known where it was
  std::string lost{};              // why the reader has no database; empty: it has
};

// --- auditor -> gateway ----------------------------------------------------------------------------------------------

// The readers' database has just been asked by the auditor, about once a second: so no reader need be.
struct DatabaseSeen {
  bool there = false;
};

// --- authenticator -> gateway ----------------------------------------------------------------------------------------

struct PeerKey {
  std::string name;
  bool producer = false, reader = false, admin = false;
  std::vector<std::string> authorities;  // empty: any
  bool strangers = false;                // the role `public`: what anybody may see
};
using KeyRing = std::map<std::string, PeerKey>;  // by public key, Z85
struct KeysChanged {
  std::shared_ptr<const KeyRing> keys;
};

// --- outside -> gateway, anyone -> publisher, gateway ----------------------------------------------------------------

enum class SocketKind : std::uint8_t { requests, ingest, events, zap };
struct PeerMessage {
  SocketKind socket = SocketKind::requests;
  std::vector<std::string> envelope;  // every frame but the last
  std::string body;
  std::string user_id;  // CURVE public key, Z85; empty: ipc or loopback without CURVE
};
struct AlertMessage {
  Alert alert;
};
struct Heartbeat {
  HeartbeatEvent event;
};
// Peers as the guard beneath ZeroMQ sees them, about once a second; counted since the start but for `connected`.
struct PeersSeen {
  std::int64_t connected = 0, refused = 0, cut = 0, paused = 0;
};
// What is measured now and then, by name (docs/protocol.md, "status"); stays until it is measured again.
struct Measured {
  std::map<std::string, double> gauges;
};
// How far the auditor is in its round, and when the last whole round ended.
struct AuditProgress {
  std::int64_t position = 0;
  std::optional<std::chrono::steady_clock::time_point> passed_at;
};
struct TimerFired {
  int id = 0;
};
struct SettingsChanged {
  std::size_t seal_bytes_max = 0, message_bytes_max = 0, queue_seals_max = 0, queue_bytes_max = 0;
  std::chrono::milliseconds slow_request{};
};

using Message =
    std::variant<DecodeTask, DecodeAnswer, SealOrders, SealAnswers, KeptAnswers, WriterStatus, UseSession, Append,
                 AppendAnswer, SessionLost, TakeLease, Resolve, FindSeals, StoreCheckpoint, LeaseAnswer, ResolveAnswer,
                 FindAnswer, StoreCheckpointAnswer, KeepLease, LeaseRenewed, ConfirmLease, LeaseConfirmed, Adopt,
                 Follow, Committed, IngestKept, IngestRefused, Epoch, Adopted, Followed, SigningState, Published,
                 ReadTree, TreeRead, TellContradiction, ContradictionTold, CheckpointSigned, ReadTask, ReadProgress,
                 ReadAnswer, KeysChanged, PeerMessage, AlertMessage, Heartbeat, TimerFired, SettingsChanged, PeersSeen,
                 DatabaseSeen, Measured, AuditProgress>;

}  // namespace vault
