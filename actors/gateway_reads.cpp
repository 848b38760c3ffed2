// The gateway's queries, and the readers that answer them.
#include <algorithm>
#include <type_traits>
#include <utility>

#include "actors/emergency_reader.hpp"
#include "actors/gateway.hpp"
#include "ledger/check.hpp"
#include "os/log.hpp"
#include "wire/request_label.hpp"

namespace vault {

using std::chrono::milliseconds;

namespace {

template <class Kind>
constexpr bool is_answered_here =
    std::is_same_v<Kind, SealRequest> || std::is_same_v<Kind, StatusRequest> || std::is_same_v<Kind, CheckpointRequest>;

std::string peer_of(const PeerMessage& message) {
  return message.envelope.empty() ? std::string() : message.envelope.front();
}

}  // namespace

// --- In --------------------------------------------------------------------------------------------------------------

// Answered here, at once, unless the checkpoint must be of a size that none has yet, or there is none at all: on a new
// ledger the first signature is a few milliseconds away.
void Gateway::await_checkpoint(Arrival arrival, Request request, Effects& effects) {
  if (options_.emergency) {
    return reply_to(std::move(arrival.message.envelope),
                    encode_error_reply(request.id, emergency_refusal("checkpoint")), effects);
  }
  const auto& latest = reads_.checkpoint();
  if (latest && latest->tree_size >= request.at_least) {
    return reply_to(std::move(arrival.message.envelope),
                    encode_reply(request.id, CheckpointResult{latest->note, latest->tree_size, vkey_}), effects);
  }
  const std::string peer = peer_of(arrival.message);
  const RequestId id = request.id;
  const Ticket ticket = open(arrival, std::move(request.id), "checkpoint", effects, true);
  const std::string missing =
      request.at_least > 0 ? "no checkpoint of " + std::to_string(request.at_least) + " entries" : "no checkpoint";
  const Error late{ErrorCode::unavailable, missing + " has been signed yet", {}};
  const Status held = reads_.await_checkpoint(peer, connection(arrival, effects), ticket, request.at_least,
                                              encode_error_reply(id, late));
  if (!held) reply(ticket, encode_error_reply(id, held.error()), effects);
}

void Gateway::queue_read(Arrival arrival, Request request, Effects& effects) {
  ReadTask task;
  task.id = request.id;
  const std::string_view op = name_of(request.operation);
  task.at_least = request.at_least;
  std::visit(
      [&](auto& operation) {
        if constexpr (is_answered_here<std::decay_t<decltype(operation)>>) {
          VAULT_CHECK(!"an operation that the gateway answers");
        } else {
          task.task = std::move(operation);  // does not compile for an operation that no reader answers
        }
      },
      request.operation);
  const std::string peer = peer_of(arrival.message);
  // A verification takes as long as it takes; everything else has a deadline.
  const bool verify = std::holds_alternative<VerifyRangeRequest>(task.task);
  const Ticket ticket = open(arrival, std::move(request.id), op, effects, !verify);
  task.ticket = ticket;
  const RequestId id = task.id;
  const Status held = reads_.add(peer, connection(arrival, effects), std::move(task), effects.clock());
  if (!held) {
    ++counters_[held.error().code == ErrorCode::busy ? "busy" : "unavailable"];
    return reply(ticket, encode_error_reply(id, held.error()), effects);
  }
  dispatch_reads(effects);
}

// --- Out -------------------------------------------------------------------------------------------------------------

void Gateway::dispatch_reads(Effects& effects) {
  const auto now = effects.clock();
  reads_.on_head(writer_.head, writer_.writer);
  while (auto start = reads_.next(now)) {
    const auto refusal = too_much_unread_for(start->task, effects);
    if (!refusal) {
      effects.send(to::reader(start->reader), std::move(start->task));
      continue;
    }
    ++counters_["busy"];
    ReadAnswer answer;
    answer.ticket = start->task.ticket;
    answer.reader = reader_id(start->reader);
    answer.message = encode_error_reply(start->task.id, *refusal);
    if (auto done = reads_.answered(std::move(answer), now)) reply(done->ticket, std::move(done->message), effects);
  }
  if (const auto due = reads_.due()) {
    effects.set_timer(snapshot_timer, std::max(milliseconds(1), std::chrono::ceil<milliseconds>(*due - now)));
  }
}

void Gateway::on_read_answer(ReadAnswer answer, Effects& effects) {
  if (auto done = reads_.answered(std::move(answer), effects.clock())) {
    reply(done->ticket, std::move(done->message), effects);
  }
  report_readers(effects);
  dispatch_reads(effects);
}

void Gateway::on_read_progress(ReadProgress progress, Effects& effects) {
  const auto found = pending_.find(progress.ticket);
  if (found != pending_.end()) reply_to(found->second.envelope, std::move(progress.message), effects);
}

void Gateway::on_checkpoint(CheckpointSigned checkpoint, Effects& effects) {
  vkey_ = std::move(checkpoint.vkey);
  checkpoint_at_ = effects.clock();
  const auto latest = std::make_shared<const StoredCheckpoint>(std::move(checkpoint.checkpoint));
  for (const Ticket ticket : reads_.on_checkpoint(latest)) {
    const auto found = pending_.find(ticket);
    if (found == pending_.end()) continue;
    reply(ticket, encode_reply(found->second.id, CheckpointResult{latest->note, latest->tree_size, vkey_}), effects);
  }
}

// --- Ends ------------------------------------------------------------------------------------------------------------

// Refuses tickets that the queue has given up.
void Gateway::refuse_reads(const std::vector<Ticket>& tickets, const std::string& why, Effects& effects) {
  for (const Ticket ticket : tickets) {
    const auto found = pending_.find(ticket);
    if (found == pending_.end()) continue;
    ++counters_["unavailable"];
    reply(ticket, encode_error_reply(found->second.id, {ErrorCode::unavailable, why, {}}), effects);
  }
}

// Readers without a database: one alert for all of them, raised once.
void Gateway::report_readers(Effects& effects) {
  const auto now = effects.clock();
  const ReaderPool::Health health = reads_.health(now);
  if (health.lost > 0) {
    refuse_reads(reads_.take_stranded(now), "no reader has a database: " + health.reason, effects);
  }
  if (health.lost == 0) return board_.clear("readers", "database", effects);
  board_.raise("readers", "database", Severity::warning,
               std::to_string(health.lost) + " of " + std::to_string(reads_.readers()) +
                   " readers have no database: " + health.reason,
               effects);
}

// A reply could not be delivered. If that is because the client has gone, nobody waits for its other answers.
void Gateway::drop_gone(const std::string& peer, Effects& effects) {
  const PeerConnection* connection = reads_.connection(peer);
  if (connection == nullptr || !effects.is_closed(*connection)) return;
  for (const Ticket ticket : reads_.drop_peer(peer)) {
    ++counters_["reads_dropped"];
    const auto found = pending_.find(ticket);
    if (found == pending_.end()) continue;
    if (found->second.seals > 0) {
      found->second.answered = true;  // the writer still has it
    } else {
      pending_.erase(found);
    }
  }
}

// Runs once a second.
void Gateway::look_after_reads(Effects& effects) {
  const auto gone = reads_.peers_gone([&](const PeerConnection& connection) { return effects.is_closed(connection); });
  for (const std::string& peer : gone) drop_gone(peer, effects);
  for (const Ticket ticket : reads_.verifications_behind(effects.clock(), options_.request_timeout)) {
    reply(ticket, reads_.excuse(ticket), effects);
  }
  report_readers(effects);
}

}  // namespace vault
