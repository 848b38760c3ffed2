#include "actors/writer.hpp"

#include <algorithm>
#include <utility>

#include "actors/log.hpp"
#include "ledger/check.hpp"

namespace vault {

using std::chrono::milliseconds;

void Writer::start(Effects& effects) {
  effects.set_timer(lease_timer, milliseconds(0));
  effects.set_timer(status_timer, milliseconds(250));
}

void Writer::handle(Message message, Effects& effects) {
  if (auto* orders = std::get_if<SealOrders>(&message)) {
    take(std::move(*orders), effects);
  } else if (auto* append = std::get_if<AppendAnswer>(&message)) {
    on_append(*append, effects);
  } else if (auto* timer = std::get_if<TimerFired>(&message)) {
    on_timer(timer->id, effects);
  } else if (auto* found = std::get_if<FindAnswer>(&message)) {
    on_found(std::move(*found), effects);
  } else if (auto* renewed = std::get_if<RenewAnswer>(&message)) {
    on_renewed(*renewed, effects);
  } else if (auto* lease = std::get_if<LeaseAnswer>(&message)) {
    on_lease(std::move(*lease), effects);
  } else if (auto* adopted = std::get_if<Adopted>(&message)) {
    on_adopted(std::move(*adopted), effects);
  } else if (auto* resolved = std::get_if<ResolveAnswer>(&message)) {
    on_resolved(std::move(*resolved), effects);
  } else if (std::holds_alternative<SessionLost>(message)) {
    // With a batch in the air its outcome tells more; while a tree is adopted, it may be the session before that ended.
    if (mode_ == Mode::active && flights_.empty()) {
      lose({.failure = "session", .why = "the database ended the writer's session"}, effects);
    }
  }
}

void Writer::round_done(Effects& effects) {
  fly(effects);
  flush_answers(effects);
}

bool Writer::stop(Effects& effects) {
  stopping_ = true;
  fly(effects);
  flush_answers(effects);
  const bool can_progress = mode_ == Mode::active || mode_ == Mode::resolving;
  return !can_progress || (queue_.empty() && flights_.empty() && suspects_.empty() && looking_up_.empty());
}

// --- Orders ----------------------------------------------------------------------------------------------------------

void Writer::take(SealOrders orders, Effects& effects) {
  const bool accepting = mode_ == Mode::active || mode_ == Mode::resolving;
  for (SealOrder& order : orders.orders) {
    PendingOrder pending;
    pending.order = std::move(order);
    // What came by ingest has nobody to send it again: it waits for better times.
    if (!accepting && !pending.order.ingest) {
      refuse(pending, unavailable(), effects);
    } else {
      queue_.push_back(std::move(pending));
    }
  }
}

Error Writer::unavailable() const {
  return {ErrorCode::unavailable, "no seal is accepted now: " + detail_ + ". Try again with the same seal_id", {}};
}

void Writer::refuse_waiting(const Error& error, Effects& effects) {
  for (auto* waiting : {&queue_, &suspects_}) {
    std::deque<PendingOrder> kept;
    for (PendingOrder& pending : *waiting) {
      if (pending.order.ingest) {
        kept.push_back(std::move(pending));
      } else {
        refuse(pending, error, effects);
      }
    }
    *waiting = std::move(kept);
  }
}

// --- The lease -------------------------------------------------------------------------------------------------------

void Writer::on_timer(int id, Effects& effects) {
  switch (id) {
    case lease_timer:
      if ((mode_ == Mode::waiting || mode_ == Mode::blocked) && !lease_asked_ && !stopping_) {
        lease_asked_ = true;
        effects.send(ActorId::steward, TakeLease{});
      }
      break;
    case renew_timer:
      if (mode_ != Mode::active && mode_ != Mode::adopting) break;
      if (!flights_.empty() && effects.clock() - waiting_since_ > options_.lease_timeout) {
        // Who gets no answer for so long should not keep a standby from trying.
        effects.set_timer(renew_timer, options_.renew_interval);
      } else {
        effects.send(ActorId::steward, RenewLease{epoch_});
      }
      break;
    case resolve_timer:
      if (mode_ == Mode::resolving && !flights_.empty()) {
        effects.send(ActorId::steward, Resolve{flights_.front().request});
      }
      break;
    case status_timer:
      look_up_failed_ = false;
      if (mode_ == Mode::active) clock_is_sane(effects);
      if (mode_ == Mode::active && trouble_.over(effects.clock())) end_trouble(effects);
      send_status(effects);
      effects.set_timer(status_timer, milliseconds(250));
      break;
    default:
      VAULT_CHECK(false && "a timer the writer never set");
  }
}

void Writer::on_lease(LeaseAnswer answer, Effects& effects) {
  lease_asked_ = false;
  if (mode_ != Mode::waiting && mode_ != Mode::blocked) return;
  if (auto* grant = std::get_if<LeaseGrant>(&answer.outcome)) {
    VAULT_CHECK(grant->state.edge.root() == grant->state.head.merkle_root);
    database_connected_ = true;
    if (trouble_.count() <= 1) clear_alert("database", effects);  // else it is over once something has been committed
    clear_alert("unreadable", effects);
    clear_alert("tamper", effects);
    if (grant->missing_guard) {
      set_alert("tamper", Severity::critical, "the tables are not guarded as they were made: " + *grant->missing_guard,
                effects);
    }
    forget_known();
    mode_ = Mode::adopting;
    detail_ = "comparing the ledger with the last checkpoint signed";
    epoch_ = grant->epoch;
    ++generation_;
    durable_ = std::move(grant->state);
    tip_ = durable_;
    ledger_id_ = grant->ledger_id;
    effects.send(ActorId::committer, UseSession{std::move(grant->session)});
    note_database_clock(grant->database_now, effects);
    effects.set_timer(renew_timer, options_.renew_interval);  // adoption of a large tree may outlast the lease
    if (trouble_.count() <= 1) {
      log_info("writer", "lease taken",
               {{"epoch", std::to_string(epoch_)}, {"sequence", std::to_string(durable_.head.sequence)}});
      for (const std::string& caution : grant->cautions) log_warning("writer", "careful: " + caution);
    }
    effects.send(ActorId::notary, Adopt{epoch_, durable_.head, durable_.edge.frontier(), std::move(grant->newest),
                                        std::move(grant->identities), grant->ledger_id});
    send_status(effects);
    return;
  }
  if (auto* held = std::get_if<LeaseHeld>(&answer.outcome)) {
    database_connected_ = true;
    clear_alert("database", effects);
    mode_ = Mode::waiting;
    const std::string detail = "standby: " + held->holder + " is the writer";
    if (detail != detail_) log_info("writer", "standing by", {{"writer", held->holder}});
    detail_ = detail;
    ledger_id_ = held->ledger_id;
    durable_.head = Head{};
    durable_.head.sequence = held->head_sequence;
    effects.send(ActorId::notary, Follow{std::move(held->newest), std::move(held->identities), held->ledger_id});
    refuse_waiting(unavailable(), effects);
    effects.set_timer(lease_timer, std::max(milliseconds(50), options_.lease_timeout / 6));
    send_status(effects);
  } else if (const auto* not_durable = std::get_if<LeaseNotDurable>(&answer.outcome)) {
    on_not_durable(not_durable->detail, effects);
  } else if (const auto* unreadable = std::get_if<LeaseUnreadable>(&answer.outcome)) {
    clear_alert("database", effects);
    on_no_lease({ErrorCode::internal, "what the next entry builds on cannot be read: " + unreadable->detail, {}},
                "unreadable", effects);
  } else {
    const Error& error = std::get<Error>(answer.outcome);
    // A server or a schema that does not fit is no sign of tampering.
    database_fits_ = error.code != ErrorCode::invalid_argument;
    on_no_lease(error, database_fits_ ? "tamper" : "configuration", effects);
  }
}

// The database is there, and would forget what it is told: nothing is sealed until that is mended.
void Writer::on_not_durable(const std::string& promise, Effects& effects) {
  database_connected_ = true;
  mode_ = Mode::waiting;
  if (detail_ != promise) std::erase(alerts_, "database");  // the alert names the promise
  detail_ = promise;
  set_alert("database", Severity::critical, promise, effects);
  refuse_waiting(unavailable(), effects);
  effects.set_timer(lease_timer, milliseconds(1'000));
  send_status(effects);
}

void Writer::on_no_lease(const Error& error, const std::string& alert, Effects& effects) {
  const bool away = error.code == ErrorCode::unavailable;
  database_connected_ = !away;
  mode_ = Mode::waiting;
  detail_ = error.message;
  set_alert(away ? "database" : alert, away ? Severity::warning : Severity::critical, error.message, effects);
  refuse_waiting(unavailable(), effects);
  effects.set_timer(lease_timer, milliseconds(away ? 500 : 5'000));
  send_status(effects);
}

void Writer::on_adopted(Adopted adopted, Effects& effects) {
  if (mode_ != Mode::adopting || adopted.epoch != epoch_) return;
  if (adopted.refusal) {
    mode_ = Mode::blocked;
    detail_ = adopted.refusal->message;
    log_error("writer", "refusing to write", {{"reason", detail_}});
    refuse_waiting(unavailable(), effects);
    effects.set_timer(lease_timer, milliseconds(5'000));
  } else {
    mode_ = Mode::active;
    detail_.clear();
    clear_alert("fenced", effects);
    for (auto seal = adopted.first_seals.rbegin(); seal != adopted.first_seals.rend(); ++seal) {
      PendingOrder pending;
      pending.order.ingest = true;
      pending.order.seals.push_back(std::move(*seal));
      pending.look_up_first = true;
      queue_.push_front(std::move(pending));
    }
    effects.set_timer(renew_timer, options_.renew_interval);
    look_up(effects);
  }
  send_status(effects);
}

void Writer::on_renewed(const RenewAnswer& answer, Effects& effects) {
  if (mode_ != Mode::active && mode_ != Mode::adopting) return;
  if (answer.database_now) {
    note_database_clock(*answer.database_now, effects);
    effects.set_timer(renew_timer, options_.renew_interval);
  } else if (answer.database_now.error().code == ErrorCode::forbidden && flights_.empty()) {
    fenced(answer.database_now.error().message, effects);
  } else {
    // A flight's outcome tells more; with none in the air the session is simply made anew.
    if (flights_.empty()) {
      const Error& error = answer.database_now.error();
      lose({.failure = "renewal " + error.sqlstate, .why = error.message}, effects);
    } else {
      effects.set_timer(renew_timer, options_.renew_interval);
    }
  }
}

// Sealing stops, and nothing of ours is in doubt. What fails in the same way again is tried again later and later.
void Writer::lose(const Trouble& trouble, Effects& effects) {
  ++generation_;
  put_back_all(false);
  tip_ = durable_;
  mode_ = Mode::waiting;
  database_connected_ = trouble.connected;
  detail_ = trouble.why;
  const auto delay = trouble_.next(trouble.failure, effects.clock());
  if (trouble_.worth_a_word()) {
    log_warning("writer", trouble.connected ? "sealing stops" : "database lost",
                {{"reason", trouble.why}, {"times", std::to_string(trouble_.count())}});
  }
  set_alert(trouble.alert, Severity::critical, trouble.why, effects);
  refuse_waiting(unavailable(), effects);
  effects.set_timer(lease_timer, delay);
  send_status(effects);
}

// Something has been committed, or has gone well for long enough.
void Writer::end_trouble(Effects& effects) {
  trouble_.reset();
  clear_alert("database", effects);
}

void Writer::fenced(const std::string& why, Effects& effects) {
  ++generation_;
  put_back_all(true);
  tip_ = durable_;
  mode_ = Mode::waiting;
  detail_ = "fenced: " + why;
  ++counters_["fenced"];
  log_error("writer", "fenced", {{"reason", why}});
  set_alert("fenced", Severity::critical, detail_, effects);
  refuse_waiting(unavailable(), effects);
  effects.set_timer(lease_timer, options_.lease_timeout / 2);
  send_status(effects);
}

// --- Clocks ----------------------------------------------------------------------------------------------------------

void Writer::note_database_clock(Timestamp database_now, Effects& effects) {
  database_clock_ = database_now;
  database_clock_at_ = effects.clock();
}

// One jump forward would pin every later timestamp, so our clock must agree with the database's before it is used.
bool Writer::clock_is_sane(Effects& effects) {
  if (!database_clock_) return false;
  const auto since = std::chrono::duration_cast<std::chrono::microseconds>(effects.clock() - database_clock_at_);
  const std::int64_t expected = database_clock_->micros + since.count();
  const std::int64_t skew = effects.now().micros - expected;
  const std::int64_t bound = std::chrono::microseconds(options_.clock_skew_max).count();
  const bool sane = skew <= bound && skew >= -bound;
  if (sane) {
    clear_alert("clock", effects);
  } else {
    set_alert("clock", Severity::critical,
              "this machine's clock and the database's differ by " + std::to_string(skew / 1'000) +
                  " ms, more than clock_skew_max; sealing waits until they agree",
              effects);
  }
  return sane;
}

// --- Telling ---------------------------------------------------------------------------------------------------------

bool Writer::has_alert(const std::string& kind) const {
  return std::find(alerts_.begin(), alerts_.end(), kind) != alerts_.end();
}

void Writer::set_alert(const std::string& kind, Severity severity, const std::string& message, Effects& effects) {
  if (has_alert(kind)) return;
  alerts_.push_back(kind);
  log_error("writer", "alert raised", {{"kind", kind}, {"reason", message}});
  effects.alert({.kind = kind, .severity = severity, .message = message});
}

void Writer::clear_alert(const std::string& kind, Effects& effects) {
  const auto found = std::find(alerts_.begin(), alerts_.end(), kind);
  if (found == alerts_.end()) return;
  alerts_.erase(found);
  log_info("writer", "alert cleared", {{"kind", kind}});
  effects.alert({.kind = kind, .severity = Severity::info, .message = "over", .raised = false});
}

void Writer::flush_answers(Effects& effects) {
  if (!answers_.empty()) {
    effects.send(ActorId::gateway, SealAnswers{std::move(answers_), durable_.head});
    answers_.clear();
  }
  if (!refused_ingest_.refusals.empty()) {
    effects.send(ActorId::notary, std::move(refused_ingest_));
    refused_ingest_.refusals.clear();
  }
}

void Writer::send_status(Effects& effects) {
  WriterStatus status;
  status.detail = detail_;
  status.writer = mode_ == Mode::active || mode_ == Mode::resolving;
  status.ready = mode_ == Mode::active && !stopping_ && !has_alert("clock");
  if (status.writer && has_alert("clock")) status.detail = "the clocks of vaultd and its database disagree";
  status.settled = database_connected_ && database_fits_ && mode_ != Mode::adopting;
  status.epoch = epoch_;
  status.head = durable_.head;
  for (const Flight& flight : flights_) status.in_flight += flight.plan.fresh_count();
  status.queued = queue_.size() + suspects_.size() + looking_up_.size();
  status.database_connected = database_connected_;
  status.ledger_id = ledger_id_;
  status.counters = counters_;
  effects.send(ActorId::gateway, std::move(status));
}

}  // namespace vault
