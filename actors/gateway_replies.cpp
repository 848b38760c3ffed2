// The gateway's way back: answers of the writer and the readers, deadlines, status.
#include <algorithm>
#include <utility>

#include "actors/gateway.hpp"
#include "ledger/check.hpp"

namespace vault {

using std::chrono::milliseconds;

// --- Seals -----------------------------------------------------------------------------------------------------------

void Gateway::on_answers(SealAnswers answers, Effects& effects) {
  writer_.head = answers.head;
  for (SealAnswer& answer : answers.answers) on_answer(std::move(answer), effects);
}

void Gateway::release(const Pending& pending) {
  queued_seals_ -= pending.seals;
  queued_bytes_ -= pending.bytes;
  at_writer_ -= pending.seals;
  const auto producer = producers_.find(pending.producer);
  VAULT_CHECK(producer != producers_.end());
  producer->second.seals_held -= pending.seals;
  if (producer->second.seals_held == 0 && producer->second.waiting.empty()) producers_.erase(producer);
}

void Gateway::on_answer(SealAnswer answer, Effects& effects) {
  const auto found = pending_.find(answer.ticket);
  if (found == pending_.end()) return;  // vaultd's own seals have no ticket
  Pending& pending = found->second;
  release(pending);
  pending.seals = pending.bytes = 0;
  if (pending.ingest || pending.answered) {
    pending_.erase(found);
    return;
  }
  if (!answer.receipts) {
    return reply(answer.ticket, encode_error_reply(pending.id, answer.receipts.error()), effects);
  }
  if (pending.sign) {
    ReadTask task;
    task.ticket = answer.ticket;
    task.id = pending.id;
    std::int64_t newest = 0;
    for (const Receipt& receipt : *answer.receipts) newest = std::max(newest, receipt.entry.sequence);
    task.task = SignTask{std::move(*answer.receipts), pending.batch};
    if (latest_ && latest_->tree_size >= newest) {
      queue_read(std::move(task), effects);
    } else {
      parked_.emplace(newest, std::move(task));
    }
    return;
  }
  std::string message = pending.batch ? encode_reply(pending.id, ReceiptsResult{std::move(*answer.receipts)})
                                      : encode_reply(pending.id, std::move(answer.receipts->front()));
  reply(answer.ticket, std::move(message), effects);
}

// --- Reads -----------------------------------------------------------------------------------------------------------

void Gateway::queue_read(ReadTask task, Effects& effects) {
  reads_.push_back(std::move(task));
  dispatch_reads(effects);
}

// Long verifications never take the first reader: the notary asks it before a new writer may begin.
void Gateway::dispatch_reads(Effects& effects) {
  const auto is_verify = [](const ReadTask& task) { return std::holds_alternative<VerifyRangeRequest>(task.task); };
  for (std::size_t reader = 0; reader < running_.size(); ++reader) {
    if (running_[reader]) continue;
    const bool no_verify = reader == 0 && running_.size() > 1;
    auto next = reads_.begin();
    while (next != reads_.end()) {
      if (!pending_.contains(next->ticket)) {
        next = reads_.erase(next);  // past its deadline
      } else if (no_verify && is_verify(*next)) {
        ++next;
      } else {
        break;
      }
    }
    if (next == reads_.end()) continue;
    ReadTask task = std::move(*next);
    reads_.erase(next);
    task.checkpoint = latest_;
    task.known_head = writer_.writer ? writer_.head : Head{};
    running_[reader] = task;
    effects.send(reader_id(reader), std::move(task));
  }
}

void Gateway::on_read_answer(ReadAnswer answer, Effects& effects) {
  const std::size_t reader =
      static_cast<std::size_t>(answer.reader) - static_cast<std::size_t>(ActorId::reader_first);
  VAULT_CHECK(reader < running_.size());
  std::optional<ReadTask> task = std::move(running_[reader]);
  running_[reader].reset();
  if (answer.wait_for_size > 0 && task) {
    if (latest_ && latest_->tree_size >= answer.wait_for_size) {
      reads_.push_back(std::move(*task));
    } else {
      parked_.emplace(answer.wait_for_size, std::move(*task));
    }
  } else {
    reply(answer.ticket, std::move(answer.message), effects);
  }
  dispatch_reads(effects);
}

void Gateway::on_checkpoint(CheckpointSigned checkpoint) {
  latest_ = std::move(checkpoint.checkpoint);
  vkey_ = std::move(checkpoint.vkey);
  const auto end = parked_.upper_bound(latest_->tree_size);
  for (auto task = parked_.begin(); task != end; ++task) reads_.push_back(std::move(task->second));
  parked_.erase(parked_.begin(), end);
}

// --- Time ------------------------------------------------------------------------------------------------------------

void Gateway::on_timer(int id, Effects& effects) {
  if (id == heartbeat_timer) {
    effects.set_timer(heartbeat_timer, milliseconds(1'000));
    const auto sealed = writer_.counters.find("sealed");
    effects.send(ActorId::publisher,
                 Heartbeat{{writer_.head.sequence, writer_.head.merkle_root, static_cast<std::int64_t>(queued_seals_),
                            sealed == writer_.counters.end() ? 0 : sealed->second, is_writable()}});
    return;
  }
  effects.set_timer(deadline_timer, milliseconds(50));
  const Instant now = effects.clock();
  while (!deadlines_.empty() && deadlines_.front().first <= now) {
    const Ticket ticket = deadlines_.front().second;
    deadlines_.pop_front();
    const auto found = pending_.find(ticket);
    if (found == pending_.end() || found->second.answered) continue;
    Pending& pending = found->second;
    ++counters_["deadline_exceeded"];
    const Error error{ErrorCode::deadline_exceeded,
                      "no answer within request_timeout (" + std::to_string(options_.request_timeout.count()) +
                          " ms); a seal may still commit: send it again with the same seal_id",
                      {}};
    reply_to(pending.envelope, encode_error_reply(pending.id, error), effects);
    if (pending.seals > 0) {
      pending.answered = true;  // the writer still has it
    } else {
      pending_.erase(found);
    }
  }
  const auto orphan = [this](const auto& task) { return !pending_.contains(task.second.ticket); };
  std::erase_if(parked_, orphan);
}

void Gateway::on_alert(const Alert& alert) {
  if (alert.raised) {
    alerts_.insert(alert.kind);
  } else {
    alerts_.erase(alert.kind);
  }
}

// --- Replies ---------------------------------------------------------------------------------------------------------

void Gateway::reply(Ticket ticket, std::string message, Effects& effects) {
  const auto found = pending_.find(ticket);
  if (found == pending_.end()) return;  // its deadline has passed
  reply_to(std::move(found->second.envelope), std::move(message), effects);
  pending_.erase(found);
}

void Gateway::reply_to(std::vector<std::string> envelope, std::string message, Effects& effects) {
  envelope.push_back(std::move(message));
  if (!effects.send_frames(SocketKind::requests, std::move(envelope))) ++counters_["replies_dropped"];
}

StatusResult Gateway::status(Effects& effects) const {
  StatusResult result;
  result.version = options_.version;
  if (options_.emergency) result.backend = "legacy";
  result.role = writer_.writer ? "writer" : "standby";
  result.ready = is_writable();
  result.uptime_s = std::chrono::duration_cast<std::chrono::seconds>(effects.clock() - started_).count();
  result.sequence = writer_.head.sequence;
  result.in_flight = static_cast<std::int64_t>(at_writer_);
  result.queue_depth = static_cast<std::int64_t>(queued_seals_);
  result.writer_epoch = writer_.epoch;
  result.database_connected = writer_.database_connected;
  result.database_detail = writer_.detail;
  result.ledger_id = writer_.ledger_id;
  if (latest_) result.origin = latest_->origin;
  result.vkey = vkey_;
  result.counters = counters_;
  for (const auto& [name, value] : writer_.counters) result.counters[name] = value;
  result.counters["checkpoint_size"] = latest_ ? latest_->tree_size : -1;
  result.alerts.assign(alerts_.begin(), alerts_.end());
  return result;
}

}  // namespace vault
