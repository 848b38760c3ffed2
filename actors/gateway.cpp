#include "actors/gateway.hpp"

#include <algorithm>
#include <utility>

#include "actors/emergency_reader.hpp"
#include "ledger/check.hpp"
#include "ledger/reserved_names.hpp"
#include "os/log.hpp"
#include "wire/error.hpp"
#include "wire/request_label.hpp"

namespace vault {

using std::chrono::milliseconds;

namespace {

// How long after a stop vaultd still accepts messages that had arrived before it.
constexpr milliseconds drain_time{200};

// The refusal of the first seal under a name reserved for vaultd, whose own seals never come through a socket.
std::optional<Error> reserved_name(const SealRequest& request) {
  for (std::size_t i = 0; i < request.seals.size(); ++i) {
    const Seal& seal = request.seals[i];
    const std::string owner = request.batch ? "seals[" + std::to_string(i) + "]" : "seal";
    if (Status allowed = check_not_reserved(seal.session_id, seal.authority, owner, seal.seal_id); !allowed)
      return allowed.error();
  }
  return std::nullopt;
}

// True for operations open to the role `public`, besides `status` (PublicStatusResult).
bool is_public(const Operation& operation) {
  return std::holds_alternative<CheckpointRequest>(operation) || std::holds_alternative<TileRequest>(operation) ||
         std::holds_alternative<EntryBundleRequest>(operation);
}

}  // namespace

Gateway::Gateway(const GatewayOptions& options)
    : options_(options),
      seals_(options.queue),
      reads_({.readers = options.readers, .probes = !options.emergency}),
      slow_(options.slow_request) {
  writer_.detail = "vaultd is starting";
  // Counters start at zero: a series that begins with its first event cannot be told from a missing one.
  for (const char* name : {"requests", "ingest_messages", "malformed", "forbidden", "busy", "unavailable", "too_large",
                           "deadline_exceeded", "ingest_refused", "replies_dropped", "reads_dropped", "peers",
                           "peers_refused", "peers_cut", "peers_paused", "slow"}) {
    counters_[name] = 0;
  }
}

void Gateway::start(Effects& effects) {
  started_ = effects.clock();
  role_since_ = effects.now();
  effects.set_timer(deadline_timer, milliseconds(50));
  effects.set_timer(heartbeat_timer, milliseconds(1'000));
}

void Gateway::handle(Message message, Effects& effects) {
  receive<GatewayInbox>(
      std::move(message),  //
      [&](PeerMessage& peer) { on_peer(std::move(peer), effects); },
      [&](DecodeAnswer& decoded) { on_decoded(std::move(decoded), effects); },
      [&](SealAnswers& answers) { on_answers(std::move(answers), effects); },
      [&](KeptAnswers& answers) { on_kept_answers(std::move(answers), effects); },
      [&](ReadAnswer& answer) { on_read_answer(std::move(answer), effects); },
      [&](TimerFired& timer) { on_timer(timer.id, effects); },
      [&](CheckpointSigned& checkpoint) { on_checkpoint(std::move(checkpoint), effects); },
      [&](WriterStatus& writer) { on_writer_status(std::move(writer), effects); },
      [&](ReadProgress& progress) { on_read_progress(std::move(progress), effects); },
      [&](AlertMessage& alert) { alerts_.note(alert.alert, effects.now()); },
      [&](KeysChanged& keys) { keys_ = std::move(keys.keys); },
      [&](PeersSeen& peers) {
        counters_["peers"] = peers.connected;
        counters_["peers_refused"] = peers.refused;
        counters_["peers_cut"] = peers.cut;
        counters_["peers_paused"] = peers.paused;
      },
      [&](DatabaseSeen& seen) { reads_.on_database_seen(seen.there, effects.clock()); },
      [&](Measured& measured) {
        measured.gauges.merge(gauges_);
        gauges_ = std::move(measured.gauges);
      },
      [&](AuditProgress& audit) { audit_ = audit; },
      [&](SettingsChanged& settings) {
        options_.codec = {settings.message_bytes_max, settings.seal_bytes_max};
        seals_.set_limits(settings.queue_seals_max, settings.queue_bytes_max);
        slow_.set_limit(settings.slow_request);
      });
}

// Answers are never overtaken, but a status may be older than the head in the last answers.
void Gateway::on_writer_status(WriterStatus status, Effects& effects) {
  if (status.database_connected && !writer_.database_connected) reads_.on_database_back();
  const Head newest =
      writer_.head.sequence > status.head.sequence && status.epoch == writer_.epoch ? writer_.head : status.head;
  writer_ = std::move(status);
  writer_.head = newest;
  note_role(effects);
  report_state(effects);
}

// "waiting" is not "standby": a client looking for the writer must not be sent to look elsewhere if there is none.
void Gateway::note_role(Effects& effects) {
  const std::string_view role = writes_here() ? "writer" : writer_.other ? "standby" : "waiting";
  if (role == role_) return;
  role_ = role;
  role_since_ = effects.now();
}

// Reports only changes.
void Gateway::report_state(Effects& effects) {
  using enum ServiceState::Role;
  ServiceState state;
  if (writer_.ready) {
    state.role = options_.emergency ? emergency : writer;
  } else {
    state = {!writer_.settled ? waiting : writer_.other ? standby : refusing, writer_.detail};
  }
  if (state == told_state_) return;
  told_state_ = state;
  effects.report_state(state);
}

void Gateway::round_done(Effects& effects) {
  round_began_.reset();
  forward(effects);
  dispatch_reads(effects);
}

bool Gateway::stop(Effects& effects) {
  if (!stopping_) {
    stopping_ = true;
    stop_at_ = effects.clock();
  }
  refusing_ = effects.clock() - stop_at_ >= drain_time;
  if (refusing_) refuse_reads(reads_.lasting(), "vaultd is shutting down", effects);
  forward(effects);
  return refusing_ && std::none_of(pending_.begin(), pending_.end(), [](const auto& p) { return !p.second.answered; });
}

// --- Requests --------------------------------------------------------------------------------------------------------

void Gateway::on_peer(PeerMessage message, Effects& effects) {
  const bool ingest = message.socket == SocketKind::ingest;
  // A client that sets ZMQ_PROBE_ROUTER announces itself this way. A REQ would take an answer to it for the answer to
  // its request.
  if (!ingest && message.body.empty() && message.envelope.size() == 1) return;
  ++counters_[ingest ? "ingest_messages" : "requests"];
  if (log_enabled(LogLevel::debug)) {
    log_debug("gateway", "request",
              {{"id", label_of(find_request_id(message.body))},
               {"trace", trace_of(message.body)},
               {"bytes", message.body.size()},
               {"ingest", ingest},
               {"ticket", next_ticket_}});  // unless it is refused, or answered at once
  }
  if (auto refusal = refuse_unread(message)) {
    count_refused(refusal->code, 1);
    ++counters_[std::string(error_name(refusal->code))];
    if (ingest) return ingest_failed(*refusal, effects);
    return reply_to(std::move(message.envelope), encode_error_reply(find_request_id(message.body), *refusal), effects);
  }
  if (message.body.size() > options_.decoded_aside_bytes && message.body.size() <= options_.codec.message_bytes_max) {
    return decode_aside(std::move(message), effects);
  }
  auto decoded = decode_request(message.body, options_.codec);
  message.body.clear();
  take({std::move(message), {}}, std::move(decoded), effects);
}

void Gateway::take(Arrival arrival, tl::expected<Request, DecodeFailure> decoded, Effects& effects) {
  PeerMessage& message = arrival.message;
  const bool ingest = message.socket == SocketKind::ingest;
  if (!decoded) {
    ++counters_["malformed"];
    if (ingest) count_refused(decoded.error().error.code, 1);
    if (ingest) return ingest_failed(decoded.error().error, effects);
    return reply_to(std::move(message.envelope), encode_error_reply(decoded.error().id, decoded.error().error),
                    effects);
  }
  if (auto refusal = forbidden(message, decoded->operation)) {
    ++counters_["forbidden"];
    const auto* request = std::get_if<SealRequest>(&decoded->operation);
    if (request != nullptr) count_refused(refusal->code, request->seals.size());
    if (ingest) return ingest_failed(*refusal, effects);
    return reply_to(std::move(message.envelope), encode_error_reply(decoded->id, *refusal), effects);
  }
  if (auto* request = std::get_if<SealRequest>(&decoded->operation)) {
    if (const auto refusal = reserved_name(*request)) {
      ++counters_["forbidden"];
      count_refused(refusal->code, request->seals.size());
      if (ingest) return report_refused_names(*request, *refusal, effects);
      return reply_to(std::move(message.envelope), encode_error_reply(decoded->id, *refusal), effects);
    }
    return seal(std::move(arrival), std::move(decoded->id), std::move(*request), effects);
  }
  if (ingest) {
    return ingest_failed(
        {ErrorCode::unknown_op, "ingest takes seal and seal_batch only; queries go to the requests socket", "op"},
        effects);
  }
  read(std::move(arrival), std::move(*decoded), effects);
}

// Roles count on CURVE connections only: on ipc, the file mode decides.
std::optional<Error> Gateway::forbidden(const PeerMessage& message, const Operation& operation) const {
  if (message.user_id.empty()) return std::nullopt;
  const PeerKey* key = nullptr;
  if (keys_) {
    if (const auto found = keys_->find(message.user_id); found != keys_->end()) key = &found->second;
  }
  if (!key) return Error{ErrorCode::forbidden, "this key is not authorised any more", {}};
  if (key->admin) return std::nullopt;
  const auto* request = std::get_if<SealRequest>(&operation);
  if (!request) {
    if (key->reader || std::holds_alternative<StatusRequest>(operation)) return std::nullopt;
    if (key->strangers && is_public(operation)) return std::nullopt;
    return Error{ErrorCode::forbidden, "the key \"" + key->name + "\" does not have the role reader", {}};
  }
  if (!key->producer)
    return Error{ErrorCode::forbidden, "the key \"" + key->name + "\" does not have the role producer", {}};
  if (key->authorities.empty()) return std::nullopt;
  for (std::size_t i = 0; i < request->seals.size(); ++i) {
    const std::string& authority = request->seals[i].authority;
    if (std::find(key->authorities.begin(), key->authorities.end(), authority) == key->authorities.end()) {
      return Error{ErrorCode::forbidden, "the key \"" + key->name + "\" may not seal on this authority",
                   request->batch ? "seals[" + std::to_string(i) + "].authority" : "seal.authority"};
    }
  }
  return std::nullopt;
}

// A key with only the role `public`, whose `status` shows no more than strangers may know.
bool Gateway::sees_little(const PeerMessage& message) const {
  if (message.user_id.empty() || !keys_) return false;
  const auto found = keys_->find(message.user_id);
  if (found == keys_->end()) return true;
  const PeerKey& key = found->second;
  return key.strangers && !key.producer && !key.reader && !key.admin;
}

// On ingest, the refusal of a decoded seal is also published under its own seal_id.
void Gateway::report_refused_names(const SealRequest& request, const Error& error, Effects& effects) {
  IngestRefused refused;
  for (const Seal& seal : request.seals) {
    if (seal.seal_id) refused.refusals.emplace_back(*seal.seal_id, error);
  }
  if (!refused.refusals.empty()) effects.send(to::publisher, std::move(refused));
  ingest_failed(error, effects);
}

void Gateway::seal(Arrival arrival, RequestId id, SealRequest request, Effects& effects) {
  PeerMessage& message = arrival.message;
  const bool ingest = message.socket == SocketKind::ingest;
  std::size_t bytes = 0;
  for (const Seal& one : request.seals) {
    bytes += one.seal_data.size() + one.session_id.size() + one.authority.size() + 64;
  }
  const std::string producer = ingest || message.envelope.empty() ? "" : message.envelope.front();
  if (!ingest) {
    std::optional<Error> refusal;
    if (takes_seals() && options_.emergency && request.sign) {
      refusal = emergency_refusal("sign: true");
    } else {
      refusal = not_now(producer, request.seals.size(), bytes);
    }
    if (refusal) {
      count_refused(refusal->code, request.seals.size());
      ++counters_[refusal->code == ErrorCode::busy ? "busy" : "unavailable"];
      return reply_to(std::move(message.envelope), encode_error_reply(id, *refusal), effects);
    }
  }
  const Ticket ticket = arrival.ticket != 0 ? arrival.ticket : next_ticket_;
  if (!ingest && request.sign) {
    const Status room = reads_.expect_signed(producer, connection(arrival, effects), ticket, request.seals.size());
    if (!room) {
      count_refused(room.error().code, request.seals.size());
      ++counters_["busy"];
      return reply_to(std::move(message.envelope), encode_error_reply(id, room.error()), effects);
    }
  }
  VAULT_CHECK(open(arrival, std::move(id), request.batch ? "seal_batch" : "seal", effects, !ingest) == ticket);
  Pending& pending = pending_[ticket];
  pending.producer = producer;
  pending.seals = request.seals.size();
  pending.bytes = bytes;
  pending.batch = request.batch;
  pending.sign = request.sign;
  SealOrder order{ticket, std::move(request.seals), ingest, bytes, round_began(effects)};
  if (arrival.ticket != 0) {
    seals_.fill(producer, std::move(order));
  } else {
    seals_.push(producer, std::move(order));
  }
}

// Read once per round, which is short, because the sealing thread should not spend its time reading the clock.
Gateway::Instant Gateway::round_began(Effects& effects) {
  if (!round_began_) round_began_ = effects.clock();
  return *round_began_;
}

void Gateway::read(Arrival arrival, Request request, Effects& effects) {
  PeerMessage& message = arrival.message;
  if (std::holds_alternative<StatusRequest>(request.operation)) {
    if (sees_little(message)) {
      const PublicStatusResult little{std::string(role_), is_ready(), writer_.head.sequence};
      return reply_to(std::move(message.envelope), encode_reply(request.id, little), effects);
    }
    return reply_to(std::move(message.envelope), encode_reply(request.id, status(effects)), effects);
  }
  if (refusing_) {
    const Error error{ErrorCode::unavailable, "vaultd is shutting down", {}};
    return reply_to(std::move(message.envelope), encode_error_reply(request.id, error), effects);
  }
  if (auto refusal = too_much_unread(message.envelope, effects)) {
    ++counters_["busy"];
    return reply_to(std::move(message.envelope), encode_error_reply(request.id, *refusal), effects);
  }
  if (std::holds_alternative<CheckpointRequest>(request.operation)) {
    return await_checkpoint(std::move(arrival), std::move(request), effects);
  }
  queue_read(std::move(arrival), std::move(request), effects);
}

// At most one alert a second, with the number of failures that were not reported.
void Gateway::ingest_failed(const Error& error, Effects& effects) {
  ++counters_["ingest_refused"];
  const Instant now = effects.clock();
  if (ingest_alert_at_ && now - *ingest_alert_at_ < milliseconds(1'000)) {
    ++ingest_failures_unsaid_;
    return;
  }
  ingest_alert_at_ = now;
  std::string text = error.message;
  if (!error.field.empty()) text = error.field + ": " + text;
  if (ingest_failures_unsaid_ > 0) text += " (and " + std::to_string(ingest_failures_unsaid_) + " more since the last)";
  ingest_failures_unsaid_ = 0;
  log_warning("gateway", "message on ingest refused", {{"reason", text}});
  Alert alert;
  alert.kind = "ingest";
  alert.message = text;
  effects.send(to::publisher, AlertMessage{std::move(alert)});
}

// Passes orders to the writer while it has room, one order per producer and turn.
void Gateway::forward(Effects& effects) {
  SealOrders orders{seals_.next()};
  if (!orders.orders.empty()) effects.send(to::writer, std::move(orders));
}

const char* Gateway::phase() const {
  if (stopping_) return "stopping";
  if (!writer_.ready) return seals_.seals() == 0 ? "unready" : "unready_holding";
  if (!wants_ingest()) return "full";
  return seals_.seals() == 0 ? "idle" : "holding";
}

}  // namespace vault
