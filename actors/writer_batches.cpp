// The writer's batches: sends them when the committer is free, and acts on each outcome of a commit.
#include <algorithm>
#include <utility>

#include "actors/writer.hpp"
#include "ledger/check.hpp"
#include "os/log.hpp"

namespace vault {

using std::chrono::milliseconds;

namespace {

// How many consecutive orders may be refused, with none committed in between, before the database is considered at
// fault.
constexpr int refusals_max = 8;
// How long an order from ingest that was refused alone is set aside before it is retried.
constexpr milliseconds set_aside_for{5'000};

const std::string occupied_text = "a row that vaultd has not written stands where the next ones belong: ";

constexpr std::size_t tickets_shown_max = 16;

// For the log at debug, where they lead from a request to its batch.
std::string tickets_of(const BatchPlan& plan) {
  std::string out;
  for (std::size_t i = 0; i < std::min(plan.orders().size(), tickets_shown_max); ++i) {
    out += (i == 0 ? "" : ",") + std::to_string(plan.orders()[i].order.ticket);
  }
  return plan.orders().size() > tickets_shown_max ? out + ",..." : out;
}

}  // namespace

// --- Sending ---------------------------------------------------------------------------------------------------------

// At most one batch is sent in a call, so that it is under way before the next one is prepared; everything else that
// waits has its turn in the next round.
void Writer::dispatch(Effects& effects) {
  bool sent = false;
  while (mode_ == Mode::active && !sent && batches_.queued() > 0) {
    if (must_adopt_again_ || batches_.in_flight() >= 2 || unpublished_bytes_ >= options_.unpublished_bytes_max) break;
    if (batches_.in_flight() == 1 && batches_.queued() < options_.second_batch_orders) break;
    if (!clock_is_sane(effects)) {
      refuse_waiting({ErrorCode::unavailable, clock_detail, {}}, effects);
      break;
    }
    BatchPlan plan = plan_batch(effects);
    if (plan.empty()) break;
    if (plan.fresh_count() == 0) {
      answer_plan(plan, std::make_shared<const std::vector<Entry>>(), effects);  // all of it is already in the ledger
    } else {
      send_batch(std::move(plan), effects.now(), effects);
      sent = true;
    }
  }
  if (mode_ == Mode::active) look_up(effects);
}

BatchPlan Writer::plan_batch(Effects& effects) {
  std::vector<BatchQueue::Refused> refused;
  BatchPlan plan = batches_.plan([&effects] { return effects.draw_uuid(); }, refused);
  for (const auto& [order, error] : refused) {
    if (error.code == ErrorCode::internal) unreadable_seals(order.order.seals, error, effects);
    refuse(order, error, effects);
  }
  return plan;
}

void Writer::send_batch(BatchPlan plan, Timestamp now, Effects& effects) {
  std::vector<SealInput> inputs(plan.fresh().size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    inputs[i].seal = plan.fresh()[i];
    effects.random(inputs[i].salt);
  }
  auto request = std::make_shared<AppendRequest>();
  request->epoch = epoch_;
  request->expected = tip_.head;
  request->batch = sequence_seals(tip_, inputs, now);
  request->next = tip_.head;
  if (log_enabled(LogLevel::debug)) {
    log_debug("writer", "batch",
              {{"first", request->expected.sequence + 1},
               {"last", request->next.sequence},
               {"epoch", epoch_},
               {"tickets", tickets_of(plan)}});
  }
  effects.send(to::committer, Append{batches_.generation(), request});
  const auto sent = effects.clock();
  if (batches_.in_flight() == 0) waiting_since_ = sent;
  figures_.batch_seals.observe(static_cast<double>(inputs.size()));
  for (const PendingOrder& pending : plan.orders()) {
    if (pending.order.since == std::chrono::steady_clock::time_point{}) continue;  // vaultd's own
    figures_.queue_wait_seconds.observe(std::chrono::duration<double>(sent - pending.order.since).count());
  }
  batches_.dispatched({std::move(plan), std::move(request), tip_, sent});
}

void Writer::look_up(Effects& effects) {
  if (mode_ != Mode::active) return;
  if (auto find = batches_.begin_look_up()) {
    ++counters_["lookups"];
    effects.send(to::coordinator, std::move(*find));
  }
}

void Writer::on_found(FindAnswer answer, Effects& effects) {
  if (answer.found) return batches_.found(std::move(*answer.found), durable_.head.sequence);
  batches_.look_up_failed();
  const Error& error = answer.found.error();
  // Only a lost database counts as lost; what the server refuses to look up now is requested again at the next tick.
  const bool lost = error.code == ErrorCode::unavailable && error.sqlstate.empty();
  if (lost && mode_ == Mode::active && batches_.in_flight() == 0) {
    lose({.failure = "look-up " + std::string(error.sqlstate.text()), .why = error.message}, effects);
  }
}

// --- Outcomes --------------------------------------------------------------------------------------------------------

void Writer::on_append(const AppendAnswer& answer, Effects& effects) {
  if (answer.generation != batches_.generation() || batches_.in_flight() == 0) return;  // requeued since
  switch (answer.outcome.kind) {
    case AppendKind::committed:
      complete(batches_.take_front(), effects);
      break;
    case AppendKind::duplicate:
      ++counters_["rolled_back_duplicate"];
      on_duplicate(effects);
      break;
    case AppendKind::refused:
      ++counters_["rolled_back_refused"];
      on_refused(answer.outcome, effects);
      break;
    case AppendKind::head_moved:
      fenced(answer.outcome.detail, effects);
      break;
    case AppendKind::occupied:
      lose({.alert = "tamper",
            .cause = "occupied",
            .failure = "occupied",
            .why = occupied_text + answer.outcome.detail,
            .connected = true},
           effects);
      break;
    case AppendKind::not_durable:
      lose({.cause = "durability", .failure = "not durable", .why = answer.outcome.detail, .connected = true}, effects);
      break;
    case AppendKind::failed:
      lose({.cause = answer.outcome.sqlstate.empty() ? "connection" : "commit",
            .failure = "append " + std::string(answer.outcome.sqlstate.text()),
            .why = answer.outcome.detail,
            .connected = !answer.outcome.sqlstate.empty()},
           effects);
      break;
    case AppendKind::in_doubt: {
      ++counters_["in_doubt"];
      batches_.begin_generation();
      batches_.requeue_unsent();
      if (doubts_ == 0) log_warning("writer", "commit in doubt", {{"reason", answer.outcome.detail}});
      doubt_ = answer.outcome.detail;
      alerts_.raise("database", "commit", Severity::critical, "a commit is in doubt: " + doubt_, effects);
      mode_ = Mode::resolving;
      keep_lease(effects);
      detail_ = "finding out whether the last commit took place";
      send_status(effects);
      effects.send(to::coordinator, Resolve{batches_.front().request});
      break;
    }
  }
}

// The database does not accept these rows. The orders of a batch are retried one by one, to find the one that causes
// it. An order that is refused alone may be at fault; it is, if another one is committed before it is refused again. If
// the others are refused too, the database accepts nothing from anybody, and no order is answered as if it were bad.
void Writer::on_refused(const AppendOutcome& outcome, Effects& effects) {
  BatchPlan plan = batches_.take_front().plan;
  give_up_batches(false);
  if (plan.orders().size() > 1) return batches_.requeue(std::move(plan), {.alone = true});
  const std::int64_t commits = counters_["commits"];
  PendingOrder order = BatchQueue::only_order(std::move(plan), {.alone = true});
  const std::int64_t before = std::exchange(order.refused_after, commits);
  if (before != commits) ++refusals_;
  const bool untried = !batches_.all_refused_since(commits);
  const bool only_one = refusals_ == 1 && !untried;
  const bool own_fault = (before >= 0 && before != commits) || stopping_ || (only_one && !order.order.ingest);
  if (own_fault) {
    log_error("writer", "seal refused by the database", {{"reason", outcome.detail}});
    refuse(order, {ErrorCode::internal, "the database refused this seal; vaultd's log says why", {}}, effects);
    return;
  }
  if (order.order.ingest) {
    try_later(std::move(order), effects);
  } else {
    batches_.push(std::move(order));
  }
  if (refusals_ > 1 && (!untried || refusals_ >= refusals_max)) database_refuses(outcome, effects);
}

// The order waits without delaying others, until something is committed or it is time to retry.
void Writer::try_later(PendingOrder order, Effects& effects) {
  answers_.push_back({std::exchange(order.order.ticket, Ticket{}), std::vector<Receipt>{}});
  batches_.set_aside(std::move(order));
  next_try_ = effects.clock() + set_aside_for;
}

// The lease is kept, and whatever arrives is tried: nothing else shows whether sealing works again.
void Writer::database_refuses(const AppendOutcome& outcome, Effects& effects) {
  next_try_ = effects.clock() + trouble_.next("refused " + std::string(outcome.sqlstate.text()), effects.clock());
  if (trouble_.count() > 1 && trouble_.worth_a_word()) {
    log_warning("writer", "sealing fails again", {{"reason", outcome.detail}, {"times", trouble_.count()}});
  }
  commit_failed_ = outcome.detail;
  alerts_.raise("database", "commit", Severity::critical, outcome.detail, effects);
  refuse_waiting(unavailable(), effects);
  send_status(effects);
}

// The orders are looked up next. If an order has been looked up, nothing was found, and nothing else has been sealed
// since, then the index refuses what no row holds: the order is tried alone, and then refused.
void Writer::on_duplicate(Effects& effects) {
  if (!batches_.front_was_looked_up()) return give_up_batches(true);
  BatchPlan plan = batches_.take_front().plan;
  give_up_batches(true);
  if (plan.orders().size() > 1) return batches_.requeue(std::move(plan), {.look_up_first = true, .alone = true});
  const Error error{ErrorCode::internal, "the database holds this seal_id in an index, but no entry that has it", {}};
  unreadable_seals(plan.orders().front().order.seals, error, effects);
  refuse(plan.orders().front(), error, effects);
}

void Writer::on_resolved(ResolveAnswer answer, Effects& effects) {
  if (mode_ != Mode::resolving) return;
  VAULT_CHECK(batches_.in_flight() == 1);
  switch (answer.outcome.kind) {
    case ResolveKind::unreachable:
      database_connected_ = false;
      detail_ = answer.outcome.detail;
      alerts_.raise("database", "connection", Severity::critical, detail_, effects);
      effects.set_timer(resolve_timer, milliseconds(200));
      send_status(effects);
      return;
    case ResolveKind::fenced:
      fenced(answer.outcome.detail, effects);
      return;
    case ResolveKind::committed:
    case ResolveKind::not_committed:
      break;
  }
  epoch_ = answer.outcome.epoch;
  effects.send(to::committer, UseSession{std::move(answer.outcome.session)});
  mode_ = Mode::active;
  detail_.clear();
  database_connected_ = true;
  alerts_.clear("database", "connection", effects);
  effects.send(to::notary, Epoch{epoch_});
  keep_lease(effects);
  if (answer.outcome.kind == ResolveKind::committed) {
    complete(batches_.take_front(), effects);
    tip_ = durable_;
  } else if (++doubts_ > 1) {
    // A connection may be lost at a commit; if every commit ends like this, it is as good as one that fails.
    return lose({.cause = "commit", .failure = "in doubt", .why = doubt_, .connected = true}, effects);
  } else {
    give_up_batches(false);
  }
  send_status(effects);
}

void Writer::complete(PendingBatch batch, Effects& effects) {
  waiting_since_ = effects.clock();
  doubts_ = refusals_ = 0;
  sealing_works(effects);
  batches_.take_back_set_aside(SIZE_MAX);
  durable_ = std::move(batch.after);
  if (log_enabled(LogLevel::debug)) {
    log_debug("writer", "committed",
              {{"first", batch.request->expected.sequence + 1}, {"last", durable_.head.sequence}, {"epoch", epoch_}});
  }
  ++counters_["commits"];
  counters_["sealed"] += static_cast<std::int64_t>(batch.request->batch.entries.size());
  figures_.commit_seconds.observe(std::chrono::duration<double>(waiting_since_ - batch.sent).count());
  for (const Entry& entry : batch.request->batch.entries) ++figures_.sealed[static_cast<std::size_t>(entry.verdict)];
  // Shares ownership with the request, so that entries are never copied.
  const Entries entries(batch.request, &batch.request->batch.entries);
  answer_plan(batch.plan, entries, effects);
}

// Durable first, then the receipts, then the events: the gateway is informed before the notary.
void Writer::answer_plan(const BatchPlan& plan, const Entries& entries, Effects& effects) {
  Committed committed{epoch_, entries, durable_.head, {}, plan.bytes()};
  unpublished_bytes_ += committed.bytes;
  for (std::size_t i = 0; i < plan.orders().size(); ++i) {
    const SealOrder& order = plan.orders()[i].order;
    std::vector<Receipt> receipts = plan.receipts(i, *entries);
    for (const Receipt& receipt : receipts) counters_["duplicates"] += receipt.duplicate ? 1 : 0;
    readable_seals(receipts, effects);
    if (order.ingest) {
      for (Receipt& receipt : receipts) committed.ingest.push_back(std::move(receipt));
      receipts.clear();
    }
    answers_.push_back({order.ticket, std::move(receipts)});
  }
  flush_answers(effects);
  effects.send(to::notary, std::move(committed));
}

void Writer::refuse(const PendingOrder& pending, const Error& error, Effects&) {
  if (error.code == ErrorCode::seal_id_conflict) ++counters_["conflicts"];
  if (pending.order.ingest) {
    for (const Seal& seal : pending.order.seals)
      refused_ingest_.refusals.emplace_back(seal.seal_id.value_or(Uuid{}), error);
  }
  answers_.push_back({pending.order.ticket, tl::unexpected(error)});
}

void Writer::give_up_batches(bool look_up_first) {
  batches_.begin_generation();
  batches_.requeue_all(look_up_first);
  tip_ = durable_;
}

}  // namespace vault
