#include "actors/writer.hpp"

#include <algorithm>
#include <utility>

#include "actors/log.hpp"
#include "ledger/check.hpp"

namespace vault {

using std::chrono::milliseconds;

namespace {

constexpr std::size_t unreadable_max = 100;  // seal_ids remembered

}  // namespace

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
  } else if (auto* renewed = std::get_if<LeaseRenewed>(&message)) {
    on_renewed(*renewed, effects);
  } else if (auto* lease = std::get_if<LeaseAnswer>(&message)) {
    on_lease(std::move(*lease), effects);
  } else if (auto* adopted = std::get_if<Adopted>(&message)) {
    on_adopted(std::move(*adopted), effects);
  } else if (const auto* followed = std::get_if<Followed>(&message)) {
    on_followed(*followed, effects);
  } else if (const auto* published = std::get_if<Published>(&message)) {
    unpublished_bytes_ -= std::min(unpublished_bytes_, published->bytes);
  } else if (auto* signing = std::get_if<SigningState>(&message)) {
    signing_impossible_ = std::move(signing->impossible);
    send_status(effects);
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
  if (must_adopt_again_ && mode_ == Mode::active && flights_.empty()) adopt_again(effects);
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
        effects.send(ActorId::steward, TakeLease{mode_ == Mode::blocked});
      }
      break;
    case resolve_timer:
      if (mode_ == Mode::resolving && !flights_.empty()) {
        effects.send(ActorId::steward, Resolve{flights_.front().request});
      }
      break;
    case status_timer:
      look_up_failed_ = false;
      clock_.saw_own(effects.now(), effects.clock());  // a standby's too: it may be the writer in a moment
      if (mode_ == Mode::active) clock_is_sane(effects);
      if (mode_ == Mode::active && trouble_.over(effects.clock())) end_trouble(effects);
      keep_lease(effects);
      send_status(effects);
      effects.set_timer(status_timer, std::min(milliseconds(250), options_.lease_timeout / 8));
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
    // A lease is no commit: what failed more than once is over when something has been committed.
    if (trouble_.count() <= 1) database_answers(effects);
    for (const char* kind : {"unreadable", "tamper", "configuration"}) alerts_.clear(kind, "lease", effects);
    if (grant->missing_guard) {
      alerts_.raise_as("tamper", "guards", Severity::critical,
                       "the tables are not guarded as they were made: " + *grant->missing_guard, effects);
    } else {
      alerts_.clear("tamper", "guards", effects);
    }
    forget_known();
    mode_ = Mode::adopting;
    detail_ = "comparing the ledger with the last checkpoint signed";
    epoch_ = grant->epoch;
    ++generation_;
    durable_ = std::move(grant->state);
    tip_ = durable_;
    ledger_id_ = grant->ledger_id;
    contradictions_ = grant->promises.contradiction_rows;
    must_adopt_again_ = false;
    effects.send(ActorId::committer, UseSession{std::move(grant->session)});
    clock_.saw_database(grant->database_now, effects.clock());
    keep_lease(effects);  // adoption of a large tree may outlast the lease
    if (trouble_.count() <= 1) {
      log_info("writer", "lease taken",
               {{"epoch", std::to_string(epoch_)}, {"sequence", std::to_string(durable_.head.sequence)}});
      for (const std::string& caution : grant->cautions) log_warning("writer", "careful: " + caution);
    }
    effects.send(ActorId::notary, Adopt{epoch_, durable_.head, std::move(grant->promises), grant->ledger_id});
    send_status(effects);
    return;
  }
  if (auto* held = std::get_if<LeaseHeld>(&answer.outcome)) {
    database_connected_ = true;
    database_answers(effects);
    if (mode_ == Mode::waiting) {
      const std::string detail = "standby: " + held->holder + " is the writer";
      if (detail != detail_) log_info("writer", "standing by", {{"writer", held->holder}});
      detail_ = detail;
    }
    ledger_id_ = held->ledger_id;
    durable_.head = held->head;
    effects.send(ActorId::notary, Follow{held->head, std::move(held->promises), held->ledger_id});
    refuse_waiting(unavailable(), effects);
    effects.set_timer(lease_timer, std::max(milliseconds(50), options_.lease_timeout / 6));
    send_status(effects);
  } else if (const auto* not_durable = std::get_if<LeaseNotDurable>(&answer.outcome)) {
    on_not_durable(not_durable->detail, effects);
  } else if (const auto* unreadable = std::get_if<LeaseUnreadable>(&answer.outcome)) {
    database_answers(effects);
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
  detail_ = promise;
  alerts_.clear("database", "connection", effects);
  alerts_.raise_as("database", "durability", Severity::critical, promise, effects);  // the alert names the promise
  refuse_waiting(unavailable(), effects);
  effects.set_timer(lease_timer, milliseconds(1'000));
  send_status(effects);
}

void Writer::on_no_lease(const Error& error, const std::string& alert, Effects& effects) {
  const bool away = error.code == ErrorCode::unavailable;
  database_connected_ = !away;
  if (mode_ != Mode::blocked) mode_ = Mode::waiting;
  detail_ = error.message;
  if (away) {
    alerts_.raise("database", "connection", Severity::warning, error.message, effects);
  } else {
    alerts_.raise(alert, "lease", Severity::critical, error.message, effects);
  }
  refuse_waiting(unavailable(), effects);
  effects.set_timer(lease_timer, milliseconds(away ? 500 : 5'000));
  send_status(effects);
}

void Writer::on_adopted(Adopted adopted, Effects& effects) {
  if (adopted.epoch != epoch_ || mode_ == Mode::waiting || mode_ == Mode::blocked) return;
  if (adopted.outcome == Adopted::Outcome::refused) {
    block(adopted.reason, effects);  // also while active: the notary has come to know something since
    return;
  }
  if (mode_ != Mode::adopting) return;
  if (adopted.outcome == Adopted::Outcome::unread) {
    lose({.failure = "adoption", .why = adopted.reason}, effects);
    return;
  }
  mode_ = Mode::active;
  detail_.clear();
  for (auto seal = adopted.first_seals.rbegin(); seal != adopted.first_seals.rend(); ++seal) {
    PendingOrder pending;
    pending.order.ingest = true;
    pending.order.seals.push_back(std::move(*seal));
    pending.look_up_first = true;
    queue_.push_front(std::move(pending));
  }
  look_up(effects);
  send_status(effects);
}

// What the notary says of a ledger that this vaultd only looks at.
void Writer::on_followed(const Followed& followed, Effects& effects) {
  if (mode_ != Mode::waiting && mode_ != Mode::blocked) return;
  if (followed.refusal) {
    if (mode_ != Mode::blocked || detail_ != *followed.refusal) block(*followed.refusal, effects);
  } else if (mode_ == Mode::blocked) {
    mode_ = Mode::waiting;
    detail_ = "the ledger keeps what was promised again";
    log_info("writer", detail_);
    effects.set_timer(lease_timer, milliseconds(0));
    send_status(effects);
  }
}

// This vaultd must not write on the ledger as it stands: it asks for no lease, looks on, and serves reads.
void Writer::block(const std::string& why, Effects& effects) {
  ++generation_;
  put_back_all(true);
  tip_ = durable_;
  mode_ = Mode::blocked;
  detail_ = why;
  log_error("writer", "refusing to write", {{"reason", why}});
  keep_lease(effects);
  refuse_waiting(unavailable(), effects);
  effects.set_timer(lease_timer, milliseconds(1'000));
  send_status(effects);
}

// Only what the database itself says of the lease counts here; with a flight in the air its outcome tells more.
void Writer::on_renewed(const LeaseRenewed& answer, Effects& effects) {
  if ((mode_ != Mode::active && mode_ != Mode::adopting) || answer.epoch != epoch_) return;
  if (answer.renewal) clock_.saw_database(answer.renewal->database_now, effects.clock());
  if (answer.renewal && answer.renewal->contradictions != contradictions_) must_adopt_again_ = true;
  if (!flights_.empty()) return;
  if (!answer.renewal) {
    const Error& error = answer.renewal.error();
    if (error.code == ErrorCode::forbidden) {
      fenced(error.message, effects);
    } else {
      lose({.failure = "renewal " + std::string(error.sqlstate.text()), .why = error.message}, effects);
    }
  } else if (answer.renewal->not_durable) {
    lose({.cause = "durability", .failure = "not durable", .why = *answer.renewal->not_durable, .connected = true},
         effects);
  }
}

// Another vaultd has told of a checkpoint that this ledger does not continue, as far as it could see: the ledger is
// looked at anew, before anything more is sealed on it.
void Writer::adopt_again(Effects& effects) {
  must_adopt_again_ = false;
  ++generation_;
  tip_ = durable_;
  mode_ = Mode::waiting;
  detail_ = "comparing the ledger with what another vaultd remembers";
  log_warning("writer", detail_);
  effects.set_timer(lease_timer, milliseconds(0));
  send_status(effects);
}

// This thread is alive and holds a lease, so that the keeper may renew it. Who gets no answer for so long should not
// keep a standby from trying.
void Writer::keep_lease(Effects& effects) {
  const bool holds = mode_ == Mode::active || mode_ == Mode::adopting;
  if (holds && !flights_.empty() && effects.clock() - waiting_since_ > options_.lease_timeout) return;
  if (holds || lease_kept_) effects.send(ActorId::lease_keeper, KeepLease{holds ? epoch_ : 0, effects.clock()});
  lease_kept_ = holds;
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
  keep_lease(effects);
  alerts_.raise(trouble.alert, trouble.cause, Severity::critical, trouble.why, effects);
  refuse_waiting(unavailable(), effects);
  effects.set_timer(lease_timer, delay);
  send_status(effects);
}

// The lease has been asked for and answered, so there is a database, and one that keeps what it is told.
void Writer::database_answers(Effects& effects) {
  alerts_.clear("database", "connection", effects);
  alerts_.clear("database", "durability", effects);
}

// A session has gone well for long enough. Whether a batch can be committed shows when one is.
void Writer::end_trouble(Effects& effects) {
  trouble_.reset();
  database_answers(effects);
}

// An alert stays until what it tells of has been done again.
void Writer::sealing_works(Effects& effects) {
  if (trouble_.count() > 0) end_trouble(effects);
  alerts_.clear("database", "commit", effects);
  alerts_.clear("tamper", "occupied", effects);
  alerts_.clear("fenced", "head", effects);
}

// --- Seals that cannot be told from those that are stored ------------------------------------------------------------

void Writer::unreadable_seals(const std::vector<Seal>& seals, const Error& error, Effects& effects) {
  for (const Seal& seal : seals) {
    if (seal.seal_id && unreadable_.size() < unreadable_max) unreadable_.insert(*seal.seal_id);
  }
  alerts_.raise("tamper", "seals", Severity::critical, error.message, effects);
}

void Writer::readable_seals(const std::vector<Receipt>& receipts, Effects& effects) {
  if (unreadable_.empty()) return;
  for (const Receipt& receipt : receipts) unreadable_.erase(receipt.entry.seal_id);
  if (unreadable_.empty()) alerts_.clear("tamper", "seals", effects);
}

void Writer::fenced(const std::string& why, Effects& effects) {
  ++generation_;
  put_back_all(true);
  tip_ = durable_;
  mode_ = Mode::waiting;
  detail_ = "fenced: " + why;
  ++counters_["fenced"];
  log_error("writer", "fenced", {{"reason", why}});
  keep_lease(effects);
  alerts_.raise("fenced", "head", Severity::critical, detail_, effects);
  refuse_waiting(unavailable(), effects);
  effects.set_timer(lease_timer, options_.lease_timeout / 2);
  send_status(effects);
}

// --- Clocks ----------------------------------------------------------------------------------------------------------

// Also tells where timestamps wait for the clock: a clock that was wrong before is behind what was sealed by it.
bool Writer::clock_is_sane(Effects& effects) {
  const auto distrust = clock_.distrust(effects.now(), effects.clock());
  if (distrust) {
    alerts_.raise("clock", "trust", Severity::critical, *distrust, effects);
  } else {
    alerts_.clear("clock", "trust", effects);
  }
  const std::int64_t behind_ms = (durable_.head.timestamp.micros - effects.now().micros) / 1'000;
  if (behind_ms > options_.clock_skew_max.count()) {
    alerts_.raise("clock", "ledger", Severity::warning,
                  "the last entry's timestamp is " + std::to_string(behind_ms) +
                      " ms ahead of this machine's clock; all new entries get that timestamp until the clock is there",
                  effects);
  } else {
    alerts_.clear("clock", "ledger", effects);
  }
  return !distrust;
}

// --- Telling ---------------------------------------------------------------------------------------------------------

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
  status.ready = mode_ == Mode::active && !stopping_ && !alerts_.raised("clock", "trust") && !signing_impossible_;
  if (status.writer && signing_impossible_) status.detail = *signing_impossible_;
  if (status.writer && alerts_.raised("clock", "trust")) status.detail = clock_detail;
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

const char* Writer::phase() const {
  switch (mode_) {
    case Mode::waiting:
      return "waiting";
    case Mode::adopting:
      return "adopting";
    case Mode::blocked:
      return "blocked";
    case Mode::resolving:
      return "resolving";
    case Mode::active:
      break;
  }
  if (!looking_up_.empty()) return "looking_up";
  return flights_.empty() ? "idle" : flights_.size() == 1 ? "one_flight" : "two_flights";
}

}  // namespace vault
