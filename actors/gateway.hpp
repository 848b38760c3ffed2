// The gateway owns the requests and ingest sockets. It decodes, checks permissions, keeps the queues bounded, takes
// turns between producers, and ensures that every request gets exactly one reply.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "actors/actor.hpp"
#include "actors/alert_board.hpp"
#include "actors/alert_reminder.hpp"
#include "actors/peer_turns.hpp"
#include "actors/raised_alerts.hpp"
#include "actors/read_queue.hpp"
#include "actors/seal_queue.hpp"
#include "actors/slow_log.hpp"
#include "wire/codec.hpp"

namespace vault {

struct GatewayOptions {
  CodecLimits codec;
  SealQueueLimits queue;
  std::size_t decoded_aside_bytes = std::size_t{256} << 10;  // larger messages are decoded on a thread of their own
  std::size_t readers = 3;
  // Bytes of replies that ZeroMQ still holds, for one peer and for all: beyond these, queries are answered `busy`.
  std::size_t unread_peer_max = std::size_t{8} << 20;
  std::size_t unread_all_max = std::size_t{40} << 20;
  std::chrono::milliseconds request_timeout{30'000};
  bool emergency = false;  // the other actors are those of the emergency mode: no chain, nothing to sign
  std::chrono::milliseconds slow_request{2'000};  // slower requests are logged; 0: none are
  std::string version;
  std::string host;  // the machine it runs on, for people
  std::int64_t pid = 0;
};

class Gateway final : public Actor {
 public:
  explicit Gateway(const GatewayOptions& options);

  void start(Effects& effects) override;
  void handle(Message message, Effects& effects) override;
  void round_done(Effects& effects) override;
  bool stop(Effects& effects) override;
  const char* phase() const override;

  // False while ingest must wait in the producers' own queues.
  bool wants_ingest() const;

 private:
  enum Timer : int { deadline_timer = 1, heartbeat_timer, snapshot_timer };
  using Instant = std::chrono::steady_clock::time_point;

  // A request that has no reply yet, or a seal that still counts against the credit.
  struct Pending {
    std::vector<std::string> envelope;
    RequestId id;
    std::string_view op;
    Instant since{};  // start of the round in which it arrived, for the slow log; not set if that does not want it
    std::string producer;
    std::size_t seals = 0, bytes = 0;
    bool ingest = false, batch = false, sign = false;
    bool answered = false;  // by deadline; the writer's answer will only return the credit
  };
  // A message as it arrived. `ticket`: set if it was decoded aside; its place and its deadline date from its arrival.
  struct Arrival {
    PeerMessage message;
    PeerConnection connection;  // as it was then; for a message that has just arrived, ask connection()
    Ticket ticket = 0;
  };
  // A message that waits for the decoder or is being decoded; its envelope is in `pending_`.
  struct Undecoded {
    std::shared_ptr<const std::string> body;
    PeerMessage rest;
    PeerConnection connection;
  };

  void on_peer(PeerMessage message, Effects& effects);
  void on_writer_status(WriterStatus status, Effects& effects);
  std::optional<Error> forbidden(const PeerMessage& message, const Operation& operation) const;
  bool sees_little(const PeerMessage& message) const;
  void report_refused_names(const SealRequest& request, const Error& error, Effects& effects);
  void take(Arrival arrival, tl::expected<Request, DecodeFailure> decoded, Effects& effects);
  void seal(Arrival arrival, RequestId id, SealRequest request, Effects& effects);
  std::optional<Error> refuse_unread(const PeerMessage& message) const;
  std::optional<Error> too_much_unread(const std::vector<std::string>& envelope, Effects& effects) const;
  std::optional<Error> too_much_unread_for(const ReadTask& task, Effects& effects) const;
  std::optional<Error> not_now(const std::string& producer, std::size_t seals, std::size_t bytes) const;
  void read(Arrival arrival, Request request, Effects& effects);
  void ingest_failed(const Error& error, Effects& effects);
  void forward(Effects& effects);

  // gateway_decoding.cpp
  void decode_aside(PeerMessage message, Effects& effects);
  void decode_next(Effects& effects);
  void on_decoded(DecodeAnswer answer, Effects& effects);
  static PeerConnection connection(const Arrival& arrival, Effects& effects);

  void on_answers(SealAnswers answers, Effects& effects);
  void on_kept_answers(KeptAnswers answers, Effects& effects);
  void on_answer(SealAnswer answer, Effects& effects);
  // The writer is done with an order: returns its credit, and answers a refusal. Returns the request that is still to
  // be answered with receipts; nullptr: none.
  Pending* settle(Ticket ticket, const Error* refusal, Effects& effects);
  void on_read_answer(ReadAnswer answer, Effects& effects);
  void on_checkpoint(CheckpointSigned checkpoint, Effects& effects);
  void on_timer(int id, Effects& effects);
  void report_state(Effects& effects);
  void note_role(Effects& effects);
  std::optional<StatusResult::WriterProcess> who_writes() const;

  // gateway_reads.cpp
  void await_checkpoint(Arrival arrival, Request request, Effects& effects);
  void queue_read(Arrival arrival, Request request, Effects& effects);
  void on_read_progress(ReadProgress progress, Effects& effects);
  void dispatch_reads(Effects& effects);
  void refuse_reads(const std::vector<Ticket>& tickets, const std::string& why, Effects& effects);
  void report_readers(Effects& effects);
  void drop_gone(const std::string& peer, Effects& effects);
  void look_after_reads(Effects& effects);
  void remind_of_alerts(Effects& effects);
  // While a commit is in doubt and the database is away, nobody writes.
  bool writes_here() const { return writer_.writer && writer_.settled; }
  bool is_ready() const { return writer_.ready && !refusing_; }
  bool takes_seals() const { return (writer_.ready || writer_.trial) && !refusing_; }

  StatusResult status(Effects& effects) const;
  void reply(Ticket ticket, std::string message, Effects& effects);
  void reply_to(std::vector<std::string> envelope, std::string message, Effects& effects);
  Ticket open(Arrival& arrival, RequestId id, std::string_view op, Effects& effects, bool deadline);
  void note_slow(Ticket ticket, const Pending& pending, Instant now);
  Instant round_began(Effects& effects);
  void count_refused(ErrorCode code, std::size_t seals) { seals_refused_[code] += static_cast<std::int64_t>(seals); }
  void add_figures(StatusResult& result, Effects& effects) const;

  GatewayOptions options_;
  Instant started_{};
  Ticket next_ticket_ = 1;
  std::unordered_map<Ticket, Pending> pending_;
  std::deque<std::pair<Instant, Ticket>> deadlines_;

  SealQueue seals_;

  std::unordered_map<Ticket, Undecoded> undecoded_;
  PeerTurns decode_turns_;
  bool decoding_ = false;  // the decoder is working on one

  ReadQueue reads_;
  std::string vkey_;

  WriterStatus writer_;
  std::string_view role_ = "waiting";
  Timestamp role_since_;
  std::shared_ptr<const KeyRing> keys_;
  RaisedAlerts alerts_;  // of all actors
  AlertReminder reminder_;
  AlertBoard board_{"gateway"};
  std::map<std::string, std::int64_t> counters_;
  std::map<ErrorCode, std::int64_t> seals_refused_;
  std::map<std::string, double> gauges_;
  AuditProgress audit_;
  std::optional<Instant> checkpoint_at_;  // when the latest one arrived
  std::optional<Instant> round_began_;    // nullopt: nothing that needs the time has arrived in this round

  std::optional<ServiceState> told_state_;
  bool stopping_ = false, refusing_ = false;
  Instant stop_at_{};
  SlowLog slow_;
  std::optional<Instant> ingest_alert_at_;
  std::int64_t ingest_failures_unsaid_ = 0;
};

}  // namespace vault
