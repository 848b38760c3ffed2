#include "actors/writer.hpp"

#include <algorithm>
#include <utility>

#include "ledger/check.hpp"
#include "os/log.hpp"

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
  receive<WriterInbox>(
      std::move(message),  //
      [&](SealOrders& orders) { take(std::move(orders), effects); },
      [&](AppendAnswer& answer) { on_append(answer, effects); },
      [&](TimerFired& timer) { on_timer(timer.id, effects); },
      [&](FindAnswer& answer) { on_found(std::move(answer), effects); },
      [&](LeaseRenewed& renewed) { on_renewed(renewed, effects); },
      [&](LeaseAnswer& answer) { on_lease(std::move(answer), effects); },
      [&](Adopted& adopted) { on_adopted(std::move(adopted), effects); },
      [&](Followed& followed) { on_followed(followed, effects); },
      [&](Published& published) { unpublished_bytes_ -= std::min(unpublished_bytes_, published.bytes); },
      [&](SigningState& signing) {
        signing_impossible_ = std::move(signing.impossible);
        send_status(effects);
      },
      [&](ResolveAnswer& answer) { on_resolved(std::move(answer), effects); },
      [&](SessionLost&) { on_session_lost(effects); });
}

// With a batch in flight, its outcome says more; while a tree is adopted, it may be the previous session that ended.
void Writer::on_session_lost(Effects& effects) {
  if (mode_ != Mode::active || batches_.in_flight() > 0) return;
  lose({.failure = "session", .why = "the database ended the writer's session"}, effects);
}

void Writer::round_done(Effects& effects) {
  if (must_adopt_again_ && mode_ == Mode::active && batches_.in_flight() == 0) adopt_again(effects);
  dispatch(effects);
  flush_answers(effects);
}

bool Writer::stop(Effects& effects) {
  if (!std::exchange(stopping_, true)) batches_.take_back_set_aside(SIZE_MAX);
  dispatch(effects);
  flush_answers(effects);
  const bool can_progress = mode_ == Mode::active || mode_ == Mode::resolving;
  return !can_progress || batches_.drained();
}

// --- Orders ----------------------------------------------------------------------------------------------------------

void Writer::take(SealOrders orders, Effects& effects) {
  const bool accepting = mode_ == Mode::active || mode_ == Mode::resolving;
  for (SealOrder& order : orders.orders) {
    PendingOrder pending;
    pending.order = std::move(order);
    // Nobody would resend an order from ingest: it waits until sealing works again.
    if (!accepting && !pending.order.ingest) {
      refuse(pending, unavailable(), effects);
    } else {
      batches_.push(std::move(pending));
    }
  }
}

Error Writer::unavailable() const {
  const std::string& why = on_trial() ? *commit_failed_ : detail_;
  return {ErrorCode::unavailable, "no seal is accepted now: " + why + ". Try again with the same seal_id", {}};
}

// The lease is ours again, but the last thing done under it was a commit that failed: success is reported only once a
// commit has succeeded, or none has been tried for a while.
bool Writer::on_trial() const {
  return commit_failed_ && (mode_ == Mode::adopting || mode_ == Mode::active);
}

void Writer::refuse_waiting(const Error& error, Effects& effects) {
  for (const PendingOrder& pending : batches_.take_requests()) refuse(pending, error, effects);
}

// --- Timers ----------------------------------------------------------------------------------------------------------

void Writer::on_timer(int id, Effects& effects) {
  switch (id) {
    case lease_timer:
      if ((mode_ == Mode::waiting || mode_ == Mode::blocked) && !lease_asked_ && !stopping_) {
        lease_asked_ = true;
        effects.send(to::coordinator, TakeLease{mode_ == Mode::blocked});
      }
      break;
    case resolve_timer:
      if (mode_ == Mode::resolving && batches_.in_flight() > 0) {
        effects.send(to::coordinator, Resolve{batches_.front().request});
      }
      break;
    case status_timer:
      batches_.allow_look_ups();
      clock_.saw_own(effects.now(), effects.clock());  // a standby's too: it may become the writer at any moment
      if (mode_ == Mode::active) clock_is_sane(effects);
      if (mode_ == Mode::active && trouble_.over(effects.clock())) end_trouble(effects);
      if (mode_ == Mode::active && effects.clock() >= next_try_) batches_.take_back_set_aside(1);
      keep_lease(effects);
      send_status(effects);
      effects.set_timer(status_timer, std::min(milliseconds(250), options_.lease_timeout / 8));
      break;
    default:
      VAULT_CHECK(false && "a timer the writer never set");
  }
}

// --- Seals that may already be stored --------------------------------------------------------------------------------

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

// --- Clocks ----------------------------------------------------------------------------------------------------------

// Also alerts if new entries keep the last one's timestamp: a clock that ran ahead and was put right is now behind what
// was sealed by it.
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

// --- Reporting -------------------------------------------------------------------------------------------------------

void Writer::flush_answers(Effects& effects) {
  if (!answers_.empty()) {
    effects.send(to::gateway, SealAnswers{std::move(answers_), durable_.head});
    answers_.clear();
  }
  if (!refused_ingest_.refusals.empty()) {
    effects.send(to::notary, std::move(refused_ingest_));
    refused_ingest_.refusals.clear();
  }
}

void Writer::send_status(Effects& effects) {
  WriterStatus status;
  status.detail = detail_;
  status.writer = mode_ == Mode::active || mode_ == Mode::resolving;
  status.ready = mode_ == Mode::active && !stopping_ && !alerts_.raised("clock", "trust") && !signing_impossible_;
  status.settled = database_connected_ && database_fits_ && (mode_ != Mode::adopting || on_trial());
  if (on_trial()) {
    status.trial = status.ready;
    status.writer = status.ready = false;
    status.detail = *commit_failed_;
  }
  if (status.writer && signing_impossible_) status.detail = *signing_impossible_;
  if (status.writer && alerts_.raised("clock", "trust")) status.detail = clock_detail;
  status.epoch = epoch_;
  status.head = durable_.head;
  status.in_flight = batches_.seals_in_flight();
  status.queued = batches_.waiting();
  status.database_connected = database_connected_;
  status.ledger_id = ledger_id_;
  if (!status.writer && (mode_ == Mode::waiting || mode_ == Mode::blocked)) status.other = other_;
  status.counters = counters_;
  status.figures = figures_;
  effects.send(to::gateway, std::move(status));
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
  if (batches_.looking_up()) return "looking_up";
  return batches_.in_flight() == 0 ? "idle" : batches_.in_flight() == 1 ? "one_in_flight" : "two_in_flight";
}

}  // namespace vault
