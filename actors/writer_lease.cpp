// The writer and its lease: granted or held by another vaultd, adopted or refused, renewed, lost, fenced.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "actors/writer.hpp"
#include "ledger/check.hpp"
#include "os/log.hpp"

namespace vault {

using std::chrono::milliseconds;

namespace {

std::string name_of(const LeaseHolder& holder) {
  return holder.host.empty() ? "another vaultd" : holder.host + " (pid " + std::to_string(holder.pid) + ")";
}

// "db1 (pid 4711), silent for 3.5 s".
std::string taken_from(const LeaseGrant& grant) {
  if (!grant.taken_from) return "nobody";
  const double seconds = std::chrono::duration<double>(grant.silent_for).count();
  return fmt::format("{}, silent for {:.1f} s", name_of(*grant.taken_from), seconds);
}

}  // namespace

void Writer::on_lease(LeaseAnswer answer, Effects& effects) {
  lease_asked_ = false;
  if (mode_ != Mode::waiting && mode_ != Mode::blocked) return;
  other_.reset();
  if (auto* grant = std::get_if<LeaseGrant>(&answer.outcome)) {
    VAULT_CHECK(grant->state.edge.root() == grant->state.head.merkle_root);
    database_connected_ = true;
    // A lease is no commit: a repeated failure is over only when something has been committed.
    if (trouble_.count() <= 1) database_answers(effects);
    for (const char* kind : {"unreadable", "tamper", "configuration"}) alerts_.clear(kind, "lease", effects);
    report_guards(grant->missing_guard, effects);
    batches_.forget_found();
    mode_ = Mode::adopting;
    detail_ = "comparing the ledger with the last checkpoint signed";
    epoch_ = grant->epoch;
    batches_.begin_generation();
    durable_ = std::move(grant->state);
    tip_ = durable_;
    ledger_id_ = grant->ledger_id;
    contradictions_ = grant->promises.contradiction_rows;
    must_adopt_again_ = false;
    effects.send(to::committer, UseSession{std::move(grant->session)});
    clock_.saw_database(grant->database_now, effects.clock());
    keep_lease(effects);  // adoption of a large tree may outlast the lease
    if (trouble_.count() <= 1 && !commit_failed_) {
      log_info("writer", "lease taken",
               {{"epoch", epoch_}, {"sequence", durable_.head.sequence}, {"from", taken_from(*grant)}},
               LogEvent::lease_taken);
      for (const std::string& caution : grant->cautions) log_warning("writer", "careful: " + caution);
    }
    effects.send(to::notary, Adopt{epoch_, durable_.head, std::move(grant->promises), grant->ledger_id});
    send_status(effects);
    return;
  }
  if (auto* held = std::get_if<LeaseHeld>(&answer.outcome)) {
    database_connected_ = true;
    commit_failed_.reset();  // that is for the other vaultd to find out
    alerts_.clear("fenced", "head", effects);
    report_guards(std::nullopt, effects);  // the writer checks them
    database_answers(effects);
    if (!held->holder.empty() && !held->own) other_ = held->who;
    if (mode_ == Mode::waiting) {
      const std::string writer = held->who.host.empty() ? held->holder : name_of(held->who);
      const std::string detail = writer + " is the writer";
      if (detail != detail_) log_info("writer", "standing by", {{"writer", writer}, {"instance", held->holder}});
      detail_ = detail;
    }
    ledger_id_ = held->ledger_id;
    durable_.head = held->head;
    effects.send(to::notary, Follow{held->head, std::move(held->promises), held->ledger_id});
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

void Writer::report_guards(const std::optional<std::string>& missing, Effects& effects) {
  if (missing) {
    alerts_.raise_as("tamper", "guards", Severity::critical,
                     "the tables are not guarded as they were made: " + *missing, effects);
  } else {
    alerts_.clear("tamper", "guards", effects);
  }
}

// The database is there, but would forget what is written: nothing is sealed until that is fixed.
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
    block(adopted.reason, effects);  // also while active: the notary has learnt something since
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
    batches_.push_front(std::move(pending));
  }
  look_up(effects);
  send_status(effects);
}

// The notary's judgement of a ledger that this vaultd only follows.
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

// This vaultd must not write to the ledger at present: it does not request the lease, only watches, and serves reads.
void Writer::block(const std::string& why, Effects& effects) {
  give_up_batches(true);
  mode_ = Mode::blocked;
  detail_ = why;
  log_info("writer", "not writing until the alert is over");  // the notary has raised it, with the reason
  keep_lease(effects);
  refuse_waiting(unavailable(), effects);
  effects.set_timer(lease_timer, milliseconds(1'000));
  send_status(effects);
}

// Only the database's own statement about the lease counts here; with a batch in flight, its outcome says more.
void Writer::on_renewed(const LeaseRenewed& answer, Effects& effects) {
  if ((mode_ != Mode::active && mode_ != Mode::adopting) || answer.epoch != epoch_) return;
  if (answer.renewal) {
    clock_.saw_database(answer.renewal->database_now, effects.clock());
    figures_.clock_skew_seconds =
        static_cast<double>(effects.now().micros - answer.renewal->database_now.micros) / 1'000'000;
  }
  if (answer.renewal && answer.renewal->contradictions != contradictions_) must_adopt_again_ = true;
  if (answer.renewal && answer.renewal->guards_seen) report_guards(answer.renewal->missing_guard, effects);
  if (batches_.in_flight() > 0) return;
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

// Another vaultd has reported a checkpoint that, as far as it could see, this ledger does not continue: the ledger is
// checked anew before anything more is sealed on it.
void Writer::adopt_again(Effects& effects) {
  must_adopt_again_ = false;
  give_up_batches(false);
  mode_ = Mode::waiting;
  detail_ = "comparing the ledger with what another vaultd remembers";
  log_warning("writer", detail_);
  effects.set_timer(lease_timer, milliseconds(0));
  send_status(effects);
}

// This thread is alive and holds a lease, so the keeper may renew it. A writer that gets no answer for lease_timeout
// must not keep a standby from trying.
void Writer::keep_lease(Effects& effects) {
  const bool holds = mode_ == Mode::active || mode_ == Mode::adopting;
  if (holds && batches_.in_flight() > 0 && effects.clock() - waiting_since_ > options_.lease_timeout) return;
  if (holds || lease_kept_) effects.send(to::lease_keeper, KeepLease{holds ? epoch_ : 0, effects.clock()});
  lease_kept_ = holds;
}

// Sealing stops, but nothing of ours is in doubt. Repeated failures of the same kind are retried at growing intervals.
void Writer::lose(const Trouble& trouble, Effects& effects) {
  give_up_batches(false);
  mode_ = Mode::waiting;
  other_.reset();
  database_connected_ = trouble.connected;
  detail_ = trouble.why;
  if (trouble.connected) commit_failed_ = trouble.why;
  const auto delay = trouble_.next(trouble.failure, effects.clock());
  if (trouble_.count() > 1 && trouble_.worth_a_word()) {  // the alert reports the first
    log_warning("writer", trouble.connected ? "sealing fails again" : "database lost again",
                {{"reason", trouble.why}, {"times", trouble_.count()}});
  }
  keep_lease(effects);
  alerts_.raise(trouble.alert, trouble.cause, Severity::critical, trouble.why, effects);
  refuse_waiting(unavailable(), effects);
  effects.set_timer(lease_timer, delay);
  send_status(effects);
}

// The lease was requested and answered, so there is a database. Whether it keeps what is written is looked at again
// before a lease is granted.
void Writer::database_answers(Effects& effects) {
  alerts_.clear("database", "connection", effects);
  alerts_.clear("database", "durability", effects);
}

// A session has worked for long enough. Whether a batch can be committed will show when one is.
void Writer::end_trouble(Effects& effects) {
  trouble_.reset();
  commit_failed_.reset();
  database_answers(effects);
}

// An alert stays until its cause has been resolved by success.
void Writer::sealing_works(Effects& effects) {
  if (trouble_.count() > 0) end_trouble(effects);
  alerts_.clear("database", "commit", effects);
  alerts_.clear("tamper", "occupied", effects);
  alerts_.clear("fenced", "head", effects);
}

void Writer::fenced(const std::string& why, Effects& effects) {
  give_up_batches(true);
  mode_ = Mode::waiting;
  other_.reset();
  detail_ = "fenced: " + why;
  ++counters_["fenced"];
  keep_lease(effects);
  if (alerts_.raised("fenced", "head")) log_error("writer", "fenced again", {{"reason", why}});
  alerts_.raise("fenced", "head", Severity::critical, detail_, effects);
  refuse_waiting(unavailable(), effects);
  effects.set_timer(lease_timer, options_.lease_timeout / 2);
  send_status(effects);
}

}  // namespace vault
