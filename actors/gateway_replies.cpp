// The gateway's replies: the writer's answers, deadlines, status.
#include <algorithm>
#include <array>
#include <utility>

#include "actors/gateway.hpp"
#include "ledger/check.hpp"
#include "ledger/quantity.hpp"
#include "os/log.hpp"
#include "wire/error.hpp"
#include "wire/features.hpp"
#include "wire/request_label.hpp"

namespace vault {

using std::chrono::milliseconds;

namespace {

constexpr std::array refusals_of_seals{ErrorCode::invalid_argument, ErrorCode::too_large, ErrorCode::seal_id_conflict,
                                       ErrorCode::forbidden,        ErrorCode::busy,      ErrorCode::unavailable,
                                       ErrorCode::deadline_exceeded};

}  // namespace

// --- Seals -----------------------------------------------------------------------------------------------------------

void Gateway::on_answers(SealAnswers answers, Effects& effects) {
  writer_.head = answers.head;
  for (SealAnswer& answer : answers.answers) on_answer(std::move(answer), effects);
}

Gateway::Pending* Gateway::settle(Ticket ticket, const Error* refusal, Effects& effects) {
  const auto found = pending_.find(ticket);
  if (found == pending_.end()) return nullptr;  // vaultd's own seals have no ticket
  Pending& pending = found->second;
  if (refusal != nullptr) count_refused(refusal->code, pending.seals);
  seals_.answered(pending.producer, pending.seals, pending.bytes);
  pending.seals = pending.bytes = 0;
  if (pending.ingest || pending.answered) {
    pending_.erase(found);
    return nullptr;
  }
  if (refusal == nullptr) return &pending;
  reply(ticket, encode_error_reply(pending.id, *refusal), effects);
  return nullptr;
}

void Gateway::on_answer(SealAnswer answer, Effects& effects) {
  const Pending* pending = settle(answer.ticket, answer.receipts ? nullptr : &answer.receipts.error(), effects);
  if (pending == nullptr) return;
  if (pending->sign) {
    ReadTask task;
    task.ticket = answer.ticket;
    task.id = pending->id;
    std::int64_t newest = 0;
    for (const Receipt& receipt : *answer.receipts) newest = std::max(newest, receipt.entry.sequence);
    task.task = SignTask{std::move(*answer.receipts), pending->batch};
    return reads_.sign(std::move(task), newest);
  }
  std::string message = pending->batch ? encode_reply(pending->id, ReceiptsResult{std::move(*answer.receipts)})
                                       : encode_reply(pending->id, std::move(answer.receipts->front()));
  reply(answer.ticket, std::move(message), effects);
}

// Without `sign`, which the emergency mode refuses before it seals.
void Gateway::on_kept_answers(KeptAnswers answers, Effects& effects) {
  for (auto& [ticket, receipts] : std::exchange(answers.answers, {})) {
    const Pending* pending = settle(ticket, receipts ? nullptr : &receipts.error(), effects);
    if (pending == nullptr) continue;
    std::string message = pending->batch ? encode_reply(pending->id, KeptReceiptsResult{std::move(*receipts)})
                                         : encode_reply(pending->id, std::move(receipts->front()));
    reply(ticket, std::move(message), effects);
  }
}

// --- Time ------------------------------------------------------------------------------------------------------------

void Gateway::on_timer(int id, Effects& effects) {
  if (id == heartbeat_timer) {
    effects.set_timer(heartbeat_timer, milliseconds(1'000));
    look_after_reads(effects);
    remind_of_alerts(effects);
    const auto sealed = writer_.counters.find("sealed");
    effects.send(to::publisher,
                 Heartbeat{{writer_.head.sequence, writer_.head.merkle_root, static_cast<std::int64_t>(seals_.seals()),
                            sealed == writer_.counters.end() ? 0 : sealed->second, is_ready()}});
    return;
  }
  if (id == snapshot_timer) return dispatch_reads(effects);
  effects.set_timer(deadline_timer, milliseconds(50));
  const Instant now = effects.clock();
  while (!deadlines_.empty() && deadlines_.front().first <= now) {
    const Ticket ticket = deadlines_.front().second;
    deadlines_.pop_front();
    const auto found = pending_.find(ticket);
    if (found == pending_.end() || found->second.answered) continue;
    Pending& pending = found->second;
    ++counters_["deadline_exceeded"];
    note_slow(ticket, pending, now);
    const Error error{ErrorCode::deadline_exceeded,
                      "no answer within request_timeout (" + std::to_string(options_.request_timeout.count()) +
                          " ms); a seal may still commit: send it again with the same seal_id",
                      {}};
    std::string excuse = reads_.excuse(ticket);
    reads_.drop(ticket);
    if (const auto one = undecoded_.find(ticket); one != undecoded_.end())
      pending.id = find_request_id(*one->second.body);
    reply_to(pending.envelope, excuse.empty() ? encode_error_reply(pending.id, error) : std::move(excuse), effects);
    if (pending.seals > 0) {
      pending.answered = true;  // the writer still has it
    } else {
      pending_.erase(found);
    }
  }
}

// --- Replies ---------------------------------------------------------------------------------------------------------

void Gateway::reply(Ticket ticket, std::string message, Effects& effects) {
  const auto found = pending_.find(ticket);
  if (found == pending_.end()) return;  // its deadline has passed
  if (log_enabled(LogLevel::debug)) {
    log_debug("gateway", "answered",
              {{"id", label_of(found->second.id)}, {"ticket", ticket}, {"bytes", message.size()}});
  }
  if (found->second.since != Instant{}) note_slow(ticket, found->second, round_began(effects));
  reads_.drop(ticket);
  std::vector<std::string> envelope = std::move(found->second.envelope);
  pending_.erase(found);
  reply_to(std::move(envelope), std::move(message), effects);
}

void Gateway::note_slow(Ticket ticket, const Pending& pending, Instant now) {
  if (pending.since != Instant{} && slow_.note(pending.id, pending.op, ticket, pending.since, now)) ++counters_["slow"];
}

void Gateway::reply_to(std::vector<std::string> envelope, std::string message, Effects& effects) {
  const std::string peer = envelope.empty() ? std::string() : envelope.front();
  envelope.push_back(std::move(message));
  if (effects.send_frames(SocketKind::requests, std::move(envelope))) return;
  ++counters_["replies_dropped"];
  drop_gone(peer, effects);
}

std::optional<StatusResult::WriterProcess> Gateway::who_writes() const {
  if (writes_here()) return StatusResult::WriterProcess{options_.host, options_.pid, role_since_};
  if (!writer_.other) return std::nullopt;
  return StatusResult::WriterProcess{writer_.other->host, writer_.other->pid, Timestamp{writer_.other->since_us}};
}

StatusResult Gateway::status(Effects& effects) const {
  StatusResult result;
  result.version = options_.version;
  if (options_.emergency) result.backend = "legacy";
  result.role = role_;
  result.since = role_since_;
  result.now = effects.now();
  result.writer = who_writes();
  result.ready = is_ready();
  result.uptime_s = std::chrono::duration_cast<std::chrono::seconds>(effects.clock() - started_).count();
  result.sequence = writer_.head.sequence;
  result.in_flight = static_cast<std::int64_t>(seals_.at_writer());
  result.queue_depth = static_cast<std::int64_t>(seals_.seals());
  result.writer_epoch = writer_.epoch;
  result.database_connected = writer_.database_connected;
  result.database_detail = writer_.detail;
  result.ledger_id = writer_.ledger_id;
  const auto& latest = reads_.checkpoint();
  if (latest) result.origin = latest->origin;
  result.vkey = vkey_;
  result.counters = counters_;
  for (const auto& [name, value] : writer_.counters) result.counters[name] = value;
  result.counters["checkpoint_size"] = latest ? latest->tree_size : -1;
  const auto health = reads_.health(effects.clock());
  result.readers = static_cast<std::int64_t>(reads_.readers());
  result.readers_connected = static_cast<std::int64_t>(reads_.readers() - health.lost);
  result.readers_detail = health.reason;
  result.alerts = alerts_.kinds();
  for (const auto& [alert, since] : alerts_.standing()) {
    result.standing_alerts.push_back(
        {alert.kind, std::string(severity_name(alert.severity)), alert.message, since, alert.sequence, alert.reason});
  }
  result.features = protocol_features();
  add_figures(result, effects);
  return result;
}

// Says again that alerts stand: the end of a log that was quiet since then looks like that of a healthy vaultd.
void Gateway::remind_of_alerts(Effects& effects) {
  const auto standing = alerts_.standing();
  if (!reminder_.due(!standing.empty(), effects.clock())) return;
  std::string list;
  for (const auto& [alert, since] : standing) {
    const std::chrono::seconds age{(effects.now().micros - since.micros) / 1'000'000};
    list += (list.empty() ? "" : ", ") + alert.kind + " for " + format_duration(age);
  }
  log_warning("gateway", "still raised", {{"alerts", list}});
}

// Figures that only monitoring reads.
void Gateway::add_figures(StatusResult& result, Effects& effects) const {
  const auto seconds_since = [&](Instant instant) {
    return std::chrono::duration<double>(effects.clock() - instant).count();
  };
  for (const auto& [kind, severity] : alerts_.severities()) result.severities[kind] = severity_name(severity);
  result.queue_bytes = static_cast<std::int64_t>(seals_.bytes());
  const WriterFigures& figures = writer_.figures;
  for (std::size_t i = 0; i < figures.sealed.size(); ++i) {
    result.sealed[std::string(verdict_name(static_cast<Verdict>(i)))] = figures.sealed[i];
  }
  // There from the start: a rate is computed from a counter that was 0 before.
  for (const ErrorCode code : refusals_of_seals) result.seals_refused[std::string(error_name(code))] = 0;
  for (const auto& [code, seals] : seals_refused_) result.seals_refused[std::string(error_name(code))] = seals;
  result.histograms = {{"commit_seconds", figures.commit_seconds.result()},
                       {"batch_seals", figures.batch_seals.result()},
                       {"queue_wait_seconds", figures.queue_wait_seconds.result()}};
  result.gauges = gauges_;
  if (figures.clock_skew_seconds) result.gauges["clock_skew_seconds"] = *figures.clock_skew_seconds;
  if (checkpoint_at_) result.gauges["checkpoint_age_seconds"] = seconds_since(*checkpoint_at_);
  result.gauges["audit_position"] = static_cast<double>(audit_.position);
  if (audit_.passed_at) result.gauges["audit_pass_age_seconds"] = seconds_since(*audit_.passed_at);
}

}  // namespace vault
