// The writer's batches: planning, flying, and what each outcome of a commit means.
#include <algorithm>
#include <array>
#include <utility>

#include "actors/log.hpp"
#include "actors/writer.hpp"
#include "ledger/check.hpp"

namespace vault {

using std::chrono::milliseconds;

namespace {

// A look-up is over soon: the steward has other things to do as well.
constexpr std::size_t look_up_seals_max = 512;
// So many orders may be refused one after the other, with none committed in between, before that is the database's
// fault.
constexpr int refusals_max = 8;
// An order of ingest that was refused with nobody beside it is tried again so often.
constexpr milliseconds set_aside_for{5'000};

const std::string occupied_text = "a row that vaultd has not written stands where the next ones belong: ";

}  // namespace

// --- Preparing -------------------------------------------------------------------------------------------------------

// At most one batch takes off in a call, so that it is on its way before the next one is prepared; whatever else waits
// has its turn in the next round.
void Writer::fly(Effects& effects) {
  bool launched = false;
  while (mode_ == Mode::active && !launched && !queue_.empty()) {
    if (must_adopt_again_ || flights_.size() >= 2 || unpublished_bytes_ >= options_.unpublished_bytes_max) break;
    if (flights_.size() == 1 && queue_.size() < options_.second_flight_seals) break;
    if (!clock_is_sane(effects)) {
      refuse_waiting({ErrorCode::unavailable, clock_detail, {}}, effects);
      break;
    }
    BatchPlan plan;
    if (!plan_batch(plan, effects)) break;
    if (plan.fresh_count() == 0) {
      answer_plan(plan, std::make_shared<const std::vector<Entry>>(), effects);  // all of it is in the ledger already
    } else {
      send_batch(std::move(plan), effects.now(), effects);
      launched = true;
    }
  }
  if (mode_ == Mode::active) look_up(effects);
}

// Moves orders from the queue into `plan` until it is full. False if nothing came of it.
bool Writer::plan_batch(BatchPlan& plan, Effects& effects) {
  while (!queue_.empty()) {
    PendingOrder& next = queue_.front();
    const std::size_t seals = plan.fresh_count() + next.order.seals.size();
    const bool over = seals > options_.batch_seals_max || plan.bytes() + next.order.bytes > options_.batch_bytes_max;
    if (!plan.empty() && (over || next.alone)) break;
    if (needs_look_up(next)) {
      next.look_up_after = launched_ + (plan.fresh_count() > 0 ? 1 : 0);  // this plan will fly too
      suspects_.push_back(std::move(next));
      queue_.pop_front();
      continue;
    }
    PendingOrder pending = std::move(next);
    queue_.pop_front();
    const bool alone = pending.alone;
    prepare(pending, effects);
    if (const Status added = plan.add(pending); !added) {
      if (plan.contradicts(pending.order)) {
        // Whose seal_id it is shows once the plan has landed: until then this order may be the one in the ledger.
        pending.known.clear();
        pending.look_up_first = true;
        pending.look_up_after = launched_ + 1;
        suspects_.push_back(std::move(pending));
      } else {
        if (added.error().code == ErrorCode::internal) {
          unreadable_seals(pending.order.seals, added.error(), effects);
        }
        refuse(pending, added.error(), effects);
      }
    }
    if (alone && !plan.empty()) break;
  }
  return !plan.empty();
}

bool Writer::needs_look_up(const PendingOrder& pending) const {
  if (!pending.known.empty()) return false;
  if (pending.look_up_first) return true;
  for (const Seal& seal : pending.order.seals) {
    if (seal.seal_id && recent_.contains(*seal.seal_id)) return true;
  }
  return false;
}

// Gives every seal an id, and remembers those that producers chose.
void Writer::prepare(PendingOrder& pending, Effects& effects) {
  for (Seal& seal : pending.order.seals) {
    if (seal.seal_id) {
      recent_.remember(*seal.seal_id);
    } else {
      std::array<std::uint8_t, 16> random{};
      effects.random(random);
      seal.seal_id = make_uuid_v7(effects.now(), random);
    }
  }
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
  effects.send(ActorId::committer, Append{generation_, request});
  if (flights_.empty()) waiting_since_ = effects.clock();
  flights_.push_back(Flight{std::move(plan), std::move(request), tip_});
  ++launched_;
}

// The steward looks on a session of its own, so what was in the air before a suspect came must have landed first: its
// twin may be there.
void Writer::look_up(Effects& effects) {
  if (mode_ != Mode::active || !looking_up_.empty() || look_up_failed_) return;
  const std::uint64_t landed = launched_ - flights_.size();
  FindSeals find;
  while (!suspects_.empty() && suspects_.front().look_up_after <= landed &&
         find.seal_ids.size() < std::min(options_.batch_seals_max, look_up_seals_max)) {
    for (const Seal& seal : suspects_.front().order.seals) find.seal_ids.push_back(seal.seal_id.value_or(Uuid{}));
    // What is in the air may yet bring the seal_id.
    suspects_.front().looked_up_at = flights_.empty() ? launched_ : std::uint64_t(-1);
    looking_up_.push_back(std::move(suspects_.front()));
    suspects_.pop_front();
  }
  if (looking_up_.empty()) return;
  ++counters_["lookups"];
  effects.send(ActorId::steward, std::move(find));
}

void Writer::on_found(FindAnswer answer, Effects& effects) {
  std::vector<PendingOrder> orders = std::move(looking_up_);
  looking_up_.clear();
  if (!answer.found) {
    for (auto order = orders.rbegin(); order != orders.rend(); ++order) suspects_.push_front(std::move(*order));
    look_up_failed_ = true;
    const Error& error = answer.found.error();
    // Only a lost database is one: what the server refuses to look up now, it is asked again at the next tick.
    const bool lost = error.code == ErrorCode::unavailable && error.sqlstate.empty();
    if (lost && mode_ == Mode::active && flights_.empty()) {
      lose({.failure = "look-up " + std::string(error.sqlstate.text()), .why = error.message}, effects);
    }
    return;
  }
  std::size_t next = 0;
  for (PendingOrder& order : orders) {
    for (std::size_t i = 0; i < order.order.seals.size(); ++i) {
      VAULT_CHECK(next < answer.found->size());
      // One without seal_id was asked for under the nil UUID, which some producer may really use.
      order.known.push_back(order.order.seals[i].seal_id ? std::move((*answer.found)[next]) : FoundSeal(std::nullopt));
      ++next;
    }
  }
  for (auto order = orders.rbegin(); order != orders.rend(); ++order) {
    if (is_known_too_early(*order)) {
      order->known.clear();
      order->look_up_first = true;
      suspects_.push_front(std::move(*order));
      look_up_failed_ = true;  // again with the next tick
    } else {
      queue_.push_front(std::move(*order));
    }
  }
}

// An entry beyond what this writer knows to be durable is its own batch in doubt, or another writer's. It may yet turn
// out not to be in the ledger that this writer goes on with: no receipt before that is known.
bool Writer::is_known_too_early(const PendingOrder& pending) const {
  return std::any_of(pending.known.begin(), pending.known.end(), [this](const FoundSeal& found) {
    return found && *found && (*found)->entry.sequence > durable_.head.sequence;
  });
}

// --- Outcomes --------------------------------------------------------------------------------------------------------

void Writer::on_append(const AppendAnswer& answer, Effects& effects) {
  if (answer.generation != generation_ || flights_.empty()) return;  // of a flight that has been put back since
  switch (answer.outcome.kind) {
    case AppendKind::committed: {
      Flight flight = std::move(flights_.front());
      flights_.pop_front();
      complete(std::move(flight), effects);
      break;
    }
    case AppendKind::duplicate:
      ++counters_["rolled_back_duplicate"];
      ++generation_;
      on_duplicate(effects);
      tip_ = durable_;
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
      ++generation_;
      if (doubts_ == 0) log_warning("writer", "commit in doubt", {{"reason", answer.outcome.detail}});
      doubt_ = answer.outcome.detail;
      alerts_.raise("database", "commit", Severity::critical, "a commit is in doubt: " + doubt_, effects);
      while (flights_.size() > 1) {  // built on the one in doubt, and never sent
        put_back(std::move(flights_.back().plan), false, false);
        flights_.pop_back();
      }
      mode_ = Mode::resolving;
      keep_lease(effects);
      detail_ = "finding out whether the last commit took place";
      send_status(effects);
      effects.send(ActorId::steward, Resolve{flights_.front().request});
      break;
    }
  }
}

// The database will not have these rows. Orders of one batch are tried one by one, to find the one it means. What one
// order alone is refused for may be that order's fault, and is where another is committed before it is refused again.
// Where the others are refused too, the database takes nothing from anybody, and no order is answered as if it were
// bad.
void Writer::on_refused(const AppendOutcome& outcome, Effects& effects) {
  ++generation_;
  Flight flight = std::move(flights_.front());
  flights_.pop_front();
  put_back_all(false);
  tip_ = durable_;
  if (flight.plan.orders().size() > 1) return put_back(std::move(flight.plan), false, true);
  const std::int64_t commits = counters_["commits"];
  put_back(std::move(flight.plan), false, true);
  PendingOrder order = std::move(queue_.front());
  queue_.pop_front();
  const std::int64_t before = std::exchange(order.refused_after, commits);
  if (before != commits) ++refusals_;
  const bool untried = std::any_of(queue_.begin(), queue_.end(),
                                   [&](const PendingOrder& other) { return other.refused_after != commits; }) ||
                       !suspects_.empty() || !looking_up_.empty();
  const bool only_one = refusals_ == 1 && !untried;
  const bool own_fault = (before >= 0 && before != commits) || stopping_ || (only_one && !order.order.ingest);
  if (own_fault) {
    log_error("writer", "seal refused by the database", {{"reason", outcome.detail}});
    refuse(order, {ErrorCode::internal, "the database refused this seal; vaultd's log tells why", {}}, effects);
    return;
  }
  if (order.order.ingest) {
    set_aside(std::move(order), effects);
  } else {
    queue_.push_back(std::move(order));
  }
  if (refusals_ > 1 && (!untried || refusals_ >= refusals_max)) database_refuses(outcome, effects);
}

// Waits in nobody's way, until something is committed or it is time for another try.
void Writer::set_aside(PendingOrder order, Effects& effects) {
  answers_.push_back({std::exchange(order.order.ticket, Ticket{}), std::vector<Receipt>{}});
  set_aside_.push_back(std::move(order));
  next_try_ = effects.clock() + set_aside_for;
}

// The lease is kept, and what comes is tried: nothing else shows whether it works again.
void Writer::database_refuses(const AppendOutcome& outcome, Effects& effects) {
  next_try_ = effects.clock() + trouble_.next("refused " + std::string(outcome.sqlstate.text()), effects.clock());
  if (trouble_.count() > 1 && trouble_.worth_a_word()) {
    log_warning("writer", "sealing fails again",
                {{"reason", outcome.detail}, {"times", std::to_string(trouble_.count())}});
  }
  commit_failed_ = outcome.detail;
  alerts_.raise("database", "commit", Severity::critical, outcome.detail, effects);
  refuse_waiting(unavailable(), effects);
  send_status(effects);
}

void Writer::take_back_what_was_set_aside(std::size_t most) {
  for (; most > 0 && !set_aside_.empty(); --most) {
    queue_.push_back(std::move(set_aside_.front()));
    set_aside_.pop_front();
  }
}

// Looked up next. Where an order has been looked up, nothing was found, and nothing else has been sealed since, the
// index refuses what no row holds: the order is tried alone, and then refused.
void Writer::on_duplicate(Effects& effects) {
  const std::uint64_t before_it = launched_ - flights_.size();
  const auto& orders = flights_.front().plan.orders();
  const bool inexplicable = std::all_of(orders.begin(), orders.end(), [&](const PendingOrder& pending) {
    return !pending.known.empty() && pending.looked_up_at == before_it;
  });
  if (!inexplicable) return put_back_all(true);
  Flight flight = std::move(flights_.front());
  flights_.pop_front();
  put_back_all(true);
  if (flight.plan.orders().size() > 1) {
    put_back(std::move(flight.plan), true, true);
    return;
  }
  const Error error{ErrorCode::internal, "the database holds this seal_id in an index, but no entry that has it", {}};
  unreadable_seals(flight.plan.orders().front().order.seals, error, effects);
  refuse(flight.plan.orders().front(), error, effects);
}

void Writer::on_resolved(ResolveAnswer answer, Effects& effects) {
  if (mode_ != Mode::resolving) return;
  VAULT_CHECK(flights_.size() == 1);
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
  effects.send(ActorId::committer, UseSession{std::move(answer.outcome.session)});
  mode_ = Mode::active;
  detail_.clear();
  database_connected_ = true;
  alerts_.clear("database", "connection", effects);
  effects.send(ActorId::notary, Epoch{epoch_});
  keep_lease(effects);
  if (answer.outcome.kind == ResolveKind::committed) {
    Flight flight = std::move(flights_.front());
    flights_.pop_front();
    complete(std::move(flight), effects);
  } else if (++doubts_ > 1) {
    // A connection may be lost at a commit; where each commit ends so, it is as good as one that fails.
    return lose({.cause = "commit", .failure = "in doubt", .why = doubt_, .connected = true}, effects);
  } else {
    put_back_all(false);
  }
  tip_ = durable_;
  send_status(effects);
}

void Writer::complete(Flight flight, Effects& effects) {
  waiting_since_ = effects.clock();
  doubts_ = refusals_ = 0;
  sealing_works(effects);
  take_back_what_was_set_aside(SIZE_MAX);
  durable_ = std::move(flight.after);
  ++counters_["commits"];
  counters_["sealed"] += static_cast<std::int64_t>(flight.request->batch.entries.size());
  // Shares ownership with the request, so that entries are never copied.
  const Entries entries(flight.request, &flight.request->batch.entries);
  answer_plan(flight.plan, entries, effects);
}

// Durable first, then the receipts, then the events: the gateway hears before the notary does.
void Writer::answer_plan(const BatchPlan& plan, Entries entries, Effects& effects) {
  Committed committed{epoch_, entries, durable_.head, {}, plan.bytes()};
  unpublished_bytes_ += committed.bytes;
  for (std::size_t i = 0; i < plan.orders().size(); ++i) {
    const SealOrder& order = plan.orders()[i].order;
    std::vector<Receipt> receipts = plan.receipts(i, *entries);
    for (const Receipt& receipt : receipts) counters_["duplicates"] += receipt.duplicate ? 1 : 0;
    readable_seals(receipts, effects);
    if (order.ingest) {
      for (Receipt& receipt : receipts) committed.ingest.push_back({std::move(receipt)});
      receipts.clear();
    }
    answers_.push_back({order.ticket, std::move(receipts)});
  }
  flush_answers(effects);
  effects.send(ActorId::notary, std::move(committed));
}

void Writer::refuse(const PendingOrder& pending, const Error& error, Effects&) {
  if (error.code == ErrorCode::seal_id_conflict) ++counters_["conflicts"];
  if (pending.order.ingest) {
    for (const Seal& seal : pending.order.seals)
      refused_ingest_.refusals.emplace_back(seal.seal_id.value_or(Uuid{}), error);
  }
  answers_.push_back({pending.order.ticket, tl::unexpected<Error>(error)});
}

// Back to the front of the queue, in the order in which they came.
void Writer::put_back(BatchPlan plan, bool look_up_first, bool alone) {
  std::vector<PendingOrder> orders = plan.release();
  for (auto order = orders.rbegin(); order != orders.rend(); ++order) {
    order->known.clear();
    order->look_up_first = order->look_up_first || look_up_first;
    order->alone = order->alone || alone;
    queue_.push_front(std::move(*order));
  }
}

// What was found in the database of an earlier lease need not be in this one.
void Writer::forget_known() {
  for (PendingOrder& pending : queue_) {
    if (pending.known.empty()) continue;
    pending.known.clear();
    pending.look_up_first = true;
  }
}

void Writer::put_back_all(bool look_up_first_flight) {
  while (!flights_.empty()) {
    put_back(std::move(flights_.back().plan), look_up_first_flight, false);
    flights_.pop_back();
  }
}

}  // namespace vault
