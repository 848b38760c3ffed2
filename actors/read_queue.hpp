// Everything that waits for a reader, or for something that a reader needs: decides which task runs next, on which
// reader, and which are turned away.
//
// Three kinds of work share the readers by the time that they take: queries, signed receipts, verifications. Within
// each, peers take turns. A task may come back unfinished: to be continued later (a verification), to wait for a
// checkpoint, or for a snapshot that sees more (the database is a replica that is behind).
//
// Belongs to the gateway and its thread; sends nothing.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "actors/message.hpp"
#include "actors/peer_turns.hpp"
#include "actors/reader_pool.hpp"
#include "os/peer_connection.hpp"

namespace vault {

struct ReadLimits {
  std::size_t readers = 3;
  // Unanswered queries, wherever they wait. One peer may hold twice what it leaves to the others.
  std::size_t questions_max = 10'000;
  // Unanswered receipts with `sign: true`, from admission on: at most 1 KiB each. Shared in the same way, so one peer
  // may hold as many as the writer's queue does.
  std::size_t receipts_max = 98'304;
  std::size_t verifications_max = 4;
  std::size_t verifications_a_peer_max = 2;
  bool probes = true;  // whether the readers have a database that can be probed
};

class ReadQueue {
 public:
  using Instant = std::chrono::steady_clock::time_point;

  explicit ReadQueue(const ReadLimits& limits);

  // --- In ------------------------------------------------------------------------------------------------------------

  // Adds a query or verification. Errors: busy (the peer's share, or the total, is used up), unavailable (no reader has
  // a database).
  Status add(const std::string& peer, const PeerConnection& connection, ReadTask task, Instant now);
  // A query that a checkpoint of `size` answers, without a reader; `excuse`: see ReadAnswer::message. Error: busy.
  Status await_checkpoint(const std::string& peer, const PeerConnection& connection, Ticket ticket, std::int64_t size,
                          std::string excuse);
  // A seal with `sign: true` that goes to the writer first. Error: busy.
  Status expect_signed(const std::string& peer, const PeerConnection& connection, Ticket ticket, std::size_t receipts);
  // The seal is durable: `task` holds its receipts, and waits for a checkpoint of `size`. Ignored if it was dropped.
  void sign(ReadTask task, std::int64_t size);

  // --- Out -----------------------------------------------------------------------------------------------------------

  struct Start {
    std::size_t reader = 0;
    ReadTask task;
  };
  std::optional<Start> next(Instant now);
  // When to call next() again even if nothing has happened in between.
  std::optional<Instant> due() const;

  struct Reply {
    Ticket ticket = 0;
    std::string message;
  };
  // The reader is free again. Returns the reply, unless the task continues or was dropped.
  std::optional<Reply> answered(ReadAnswer answer, Instant now);

  // Takes the newest checkpoint. Returns those that waited for one and need no reader.
  std::vector<Ticket> on_checkpoint(std::shared_ptr<const StoredCheckpoint> checkpoint);
  const std::shared_ptr<const StoredCheckpoint>& checkpoint() const { return checkpoint_; }
  // Takes the newest reported state of the ledger, which goes with every task. `known`: false, and sequence 0, if
  // another vaultd writes.
  void on_head(const Head& head, bool known);

  // --- Ends ----------------------------------------------------------------------------------------------------------

  // The ticket was answered in another way, or needs no answer. Ignored if unknown.
  void drop(Ticket ticket);
  // The peer has gone: returns the tickets that it had.
  std::vector<Ticket> drop_peer(const std::string& peer);
  // Peers whose connection has been closed since they asked.
  template <class IsClosed>
  std::vector<std::string> peers_gone(const IsClosed& is_closed) const {
    std::vector<std::string> gone;
    for (const auto& [name, peer] : peers_) {
      if (is_closed(peer.connection)) gone.push_back(name);
    }
    return gone;
  }
  const PeerConnection* connection(const std::string& peer) const;
  // Why a task that ran out of time has no answer: the reply to send; empty if there is no particular reason.
  std::string excuse(Ticket ticket) const;
  // Verifications, which have no deadline, that have waited for a snapshot for `patience`.
  std::vector<Ticket> verifications_behind(Instant now, std::chrono::milliseconds patience) const;
  // Tickets that may take long: verifications, and those that wait for a snapshot. vaultd refuses them when it stops.
  std::vector<Ticket> lasting() const;
  // Queries that no reader can take, since none has a database: to be refused. They count as dropped.
  std::vector<Ticket> take_stranded(Instant now);

  // The writer has its database again: so may the readers.
  void on_database_back() { pool_.hurry(); }
  void on_database_seen(bool there, Instant now) { pool_.seen(there, now); }
  ReaderPool::Health health(Instant now) const { return pool_.health(now); }
  std::size_t readers() const { return pool_.size(); }

 private:
  enum Kind : std::uint8_t { question, signing, verification };
  static constexpr std::size_t kinds = 3;
  enum class Where : std::uint8_t { writer, turn, reader, checkpoint, snapshot };
  struct Held {
    ReadTask task;
    std::string peer;
    Kind kind = question;
    Where where = Where::turn;
    std::size_t weight = 1;  // receipts, or 1
    bool reader = true;      // needs a reader
    std::int64_t size = 0;   // of the tree that it waits for
    Instant behind_since{};  // snapshot
    std::string excuse;      // the reply if the snapshot does not arrive in time
  };
  struct Peer {
    PeerConnection connection;
    std::array<std::size_t, kinds> weight{};
    std::unordered_set<Ticket> tickets;
  };
  using Waiting = std::set<std::pair<std::int64_t, Ticket>>;  // by size

  Status admit(const std::string& peer, Kind kind, std::size_t weight) const;
  Held& hold(const std::string& peer, const PeerConnection& connection, Kind kind, Ticket ticket, std::size_t weight);
  void take_turn(Ticket ticket, Held& held);
  void wait_for_checkpoint(Ticket ticket, Held& held, std::int64_t size);
  void wait_for_snapshot(Ticket ticket, Held& held, ReadAnswer& answer, Instant now);
  void on_seen(const ReadAnswer& answer, bool probe, Instant now);
  std::optional<Kind> next_kind() const;
  bool may_run(Kind kind) const;
  Start start(std::size_t reader, std::optional<Kind> kind, ReadTask task, Instant now);

  ReadLimits limits_;
  ReaderPool pool_;
  std::vector<std::optional<Kind>> running_kind_;  // by reader; nullopt: a probe
  std::unordered_map<Ticket, Held> held_;
  std::unordered_map<std::string, Peer> peers_;
  std::array<std::size_t, kinds> weight_{};  // of held tickets
  std::array<PeerTurns, kinds> turns_;
  std::array<std::size_t, kinds> running_{};
  std::array<std::chrono::nanoseconds, kinds> used_{};  // time spent on each while others wanted it too
  std::set<Ticket> verifying_;

  std::shared_ptr<const StoredCheckpoint> checkpoint_;
  Head head_;
  bool head_known_ = false;
  Waiting for_checkpoint_;

  Waiting for_snapshot_;
  std::chrono::milliseconds lag_wait_{};  // between two checks of how far a snapshot sees
  Instant lag_look_at_{};
  bool lag_probe_runs_ = false;
};

}  // namespace vault
