// Messages between actors: plain data, moved, never shared except as pointers to const.
//
// Data flows in one direction: gateway -> writer (which has the committer store it) -> notary -> publisher; gateway ->
// reader. Only the answer to its own ticket comes back to a gateway. A message may own what cannot be copied (a
// session).
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

// A message so large that others would have to wait while it is decoded.
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
  bool ingest = false;    // from the ingest socket: must not be refused because the database is away
  std::size_t bytes = 0;  // its share of the gateway's credit
  std::chrono::steady_clock::time_point since{};  // start of the round in which it arrived
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
struct KeptAnswers {  // from the emergency mode's writer, which has no chain
  std::vector<std::pair<Ticket, Result<std::vector<KeptReceipt>>>> answers;
};
// The writer's measurements.
struct WriterFigures {
  Histogram commit_seconds{bounds_seconds};
  Histogram batch_seals{bounds_seals};
  Histogram queue_wait_seconds{bounds_seconds};  // for an order, from its arrival until its batch is sent
  std::array<std::int64_t, 6> sealed{};          // new entries by verdict
  std::optional<double> clock_skew_seconds;      // how far this machine's clock is ahead of the database's
};
struct WriterStatus {
  bool writer = false;   // holds the lease
  bool ready = false;    // sealing works, as far as is known
  bool trial = false;    // not ready, but seals are accepted to see whether sealing works again
  bool settled = false;  // start-up is over: as writer, as standby, or refusing to write
  std::int64_t epoch = 0;
  Head head;  // durable; in a standby: as last seen in the database
  std::size_t in_flight = 0;
  std::size_t queued = 0;
  bool database_connected = false;
  std::string detail;                // why not ready
  std::optional<LeaseHolder> other;  // the writer, if it is another vaultd
  std::string ledger_id;
  std::map<std::string, std::int64_t> counters;
  WriterFigures figures;
};

// --- writer -> committer -> writer -----------------------------------------------------------------------------------

// The session for appends from now on; the previous one is closed.
struct UseSession {
  std::unique_ptr<AppendSession> session;
};
// Appends carry a generation: after an append that did not commit, the committer fails every later one of the same
// generation, since it was built on the failed one.
struct Append {
  std::uint64_t generation = 0;
  std::shared_ptr<const AppendRequest> request;
};
struct AppendAnswer {
  std::uint64_t generation = 0;
  AppendOutcome outcome;
};
// The session ended while nothing was in flight. This may cross the UseSession that replaces it: the writer then takes
// the lease once more, which costs only a reconnect.
struct SessionLost {};

// --- writer, notary -> coordinator -> writer, notary ---------------------------------------------------------------

struct TakeLease {
  bool look_only = false;  // this vaultd must not write at present: only ask who holds the lease
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
  Result<std::optional<StoredCheckpoint>> in_its_place;  // see WriterStore::store_checkpoint()
};

// For the notary, which compares the result with what it remembers; `question` is returned unchanged.
struct ReadTree {
  std::uint64_t question = 0;
  TreeRequest request;
};
struct TreeRead {
  std::uint64_t question = 0;
  Result<TreeView> view;
};
// A checkpoint that the ledger does not continue, to be reported to all vaultds on the database.
struct ReportContradiction {
  StoredCheckpoint checkpoint;
};
struct ContradictionReported {
  StoredCheckpoint checkpoint;
  Status status;
};

// --- writer, notary -> lease keeper -> writer, notary --------------------------------------------------------------

// The sealing thread makes progress and holds this epoch: the lease is renewed for lease_timeout / 2 from now on, and
// no longer unless this is repeated. Epoch 0: it no longer holds a lease.
struct KeepLease {
  std::int64_t epoch = 0;
  std::chrono::steady_clock::time_point at{};  // when it made progress, since this message may have waited
};
struct LeaseRenewed {
  std::int64_t epoch = 0;
  Result<LeaseRenewal> renewal;
};
// Asks whether the lease is still ours, and whether the ledger, read now, holds at least this many entries. Asked
// before signing.
struct ConfirmLease {
  std::int64_t epoch = 0;
  std::int64_t at_least_sequence = 0;
};
struct LeaseConfirmed {
  std::int64_t epoch = 0;  // both as requested
  std::int64_t at_least_sequence = 0;
  Status status;  // see LeaseStore::confirm()
};

// --- writer -> notary ------------------------------------------------------------------------------------------------

// The lease is taken: may this ledger be written to? Answered by Adopted.
struct Adopt {
  std::int64_t epoch = 0;
  Head head;
  Promises promises;
  std::string ledger_id;
};
// Another vaultd writes, or none does: does its ledger keep what is remembered here? Answered by Followed.
struct Follow {
  Head head;
  Promises promises;
  std::string ledger_id;
};
// Durable entries in ledger order, and the ingest orders that they answer.
struct Committed {
  std::int64_t epoch = 0;
  Entries entries;
  Head head;
  std::vector<Receipt> ingest;  // for ingest seals, new or duplicate
  std::size_t bytes = 0;        // of memory that the entries hold; the publisher reports when it is free
};
struct IngestKept {  // like Committed::ingest, from the emergency mode's writer straight to the publisher
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
    refused,  // this vaultd must not write to it; the notary has raised the alert
    unread,   // the database could not be read
  };
  std::int64_t epoch = 0;  // from the Adopt that this answers
  Outcome outcome = Outcome::agreed;
  std::string reason;             // why not
  std::vector<Seal> first_seals;  // to be sealed before anything else (--accept-rollback)
};
struct Followed {
  std::optional<std::string> refusal;  // why this vaultd must not take the lease
};
// Whether checkpoints can be signed and remembered, on which `sign: true` and proofs depend. Sent when that has been
// impossible for signing_patience, and when it works again.
struct SigningState {
  std::optional<std::string> impossible;  // why not
};

// --- publisher -> writer ---------------------------------------------------------------------------------------------

// Entries of this size have been published, and their memory is free.
struct Published {
  std::size_t bytes = 0;
};

// --- notary -> gateway, publisher, auditor ---------------------------------------------------------------------------

struct CheckpointSigned {
  StoredCheckpoint checkpoint;
  std::string vkey;
  std::optional<CheckpointEvent> event;  // nullopt: the checkpoint is a copy of another writer's
};

// --- gateway -> readers -> gateway -----------------------------------------------------------------------------------

// A signed receipt: the receipts wait for their proofs under `checkpoint`.
struct SignTask {
  std::vector<Receipt> receipts;
  bool batch = false;
};
// Asks whether the database is there, and how much of the ledger a snapshot sees.
struct ProbeTask {};
// A verification between two turns at a reader.
struct VerifyRun {
  std::optional<LedgerState> end;  // after the rows verified so far; nullopt: none
  std::int64_t checked = 0;        // rows
  std::int64_t from = 0, to = 0;   // `to`: the last row when it began
  std::chrono::steady_clock::time_point started, told;
  int turns_beyond = 0;  // turns beyond `to`
};
struct ReadTask {
  Ticket ticket = 0;
  RequestId id;
  std::variant<ReadRequest, ListRequest, VerifyRangeRequest, ProofRequest, ConsistencyRequest, TileRequest,
               EntryBundleRequest, HeadRequest, SignTask, ProbeTask>
      task;
  std::int64_t at_least = 0;                           // from the request: the answer must include this sequence
  std::int64_t told = 0;                               // entries up to here are known to be sealed, from any source
  std::shared_ptr<const StoredCheckpoint> checkpoint;  // the latest one
  Head known_head;                                     // verify: the writer's own; sequence 0 if unknown
  // The three above must stay as they are: a snapshot that sees them is awaited, or rows have been compared with them.
  bool pinned = false;
  // The database is not a replica, yet still lacks entries after a while: wait no longer.
  bool insist = false;
  std::shared_ptr<VerifyRun> run;  // belongs to whoever holds the task
};
struct ReadProgress {
  Ticket ticket = 0;
  std::string message;
};
enum class ReadWait : std::uint8_t {
  none,        // answered
  turn,        // unfinished; continue after others have had their turn
  checkpoint,  // the entry is newer than the latest one: retry once there is one of `size`
  snapshot,    // the database is behind: retry once a snapshot sees `size`
};
struct ReadAnswer {
  Ticket ticket = 0;
  ActorId reader = ActorId::reader_first;
  std::string message{};  // encoded reply; with `snapshot`: what to answer if time runs out
  ReadWait wait = ReadWait::none;
  std::int64_t size = 0;
  std::optional<ReadTask> task{};  // returned if it waits, or the database is lost
  std::int64_t seen = -1;          // the snapshot's head, if it was read
  bool replica = true;             // the database may be behind; determined only if that was checked
  std::string lost{};              // why the reader has no database; empty: it has one
};

// --- auditor -> gateway ----------------------------------------------------------------------------------------------

// The auditor has just used the readers' database, as it does about once a second: so no reader needs to.
struct DatabaseSeen {
  bool there = false;
};

// --- authenticator -> gateway ----------------------------------------------------------------------------------------

struct PeerKey {
  std::string name;
  bool producer = false, reader = false, admin = false;
  std::vector<std::string> authorities;  // empty: any
  bool strangers = false;                // the role `public`: may see what anybody may see
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
// Peers as counted by the guard below ZeroMQ, about once a second; all but `connected` are counted since the start.
struct PeersSeen {
  std::int64_t connected = 0, refused = 0, cut = 0, paused = 0;
};
// An occasional measurement, by name (docs/protocol.md, "status"); stays until the next one.
struct Measured {
  std::map<std::string, double> gauges;
};
// The auditor's progress in its round, and when the last complete round ended.
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
                 ReadTree, TreeRead, ReportContradiction, ContradictionReported, CheckpointSigned, ReadTask,
                 ReadProgress, ReadAnswer, KeysChanged, PeerMessage, AlertMessage, Heartbeat, TimerFired,
                 SettingsChanged, PeersSeen, DatabaseSeen, Measured, AuditProgress>;

}  // namespace vault
