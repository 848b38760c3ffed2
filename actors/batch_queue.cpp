#include "actors/batch_queue.hpp"

#include <algorithm>
#include <utility>

#include "ledger/check.hpp"

namespace vault {

namespace {

// Keeps a look-up short: the coordinator has other work as well.
constexpr std::size_t look_up_seals_max = 512;

PendingOrder for_retry(PendingOrder order, BatchQueue::Retry retry) {
  order.known.clear();
  order.look_up_first = order.look_up_first || retry.look_up_first;
  order.alone = order.alone || retry.alone;
  return order;
}

}  // namespace

// --- Waiting ---------------------------------------------------------------------------------------------------------

std::size_t BatchQueue::waiting() const {
  return queue_.size() + suspects_.size() + looking_up_.size() + set_aside_.size();
}

bool BatchQueue::drained() const {
  return queue_.empty() && batches_.empty() && suspects_.empty() && looking_up_.empty();
}

std::vector<PendingOrder> BatchQueue::take_requests() {
  std::vector<PendingOrder> taken;
  for (auto* waiting : {&queue_, &suspects_}) {
    std::deque<PendingOrder> kept;
    for (PendingOrder& order : *waiting) {
      if (order.order.ingest) {
        kept.push_back(std::move(order));
      } else {
        taken.push_back(std::move(order));
      }
    }
    *waiting = std::move(kept);
  }
  return taken;
}

// --- Batches ---------------------------------------------------------------------------------------------------------

BatchPlan BatchQueue::plan(const std::function<Uuid()>& draw_id, std::vector<Refused>& refused) {
  BatchPlan plan;
  while (!queue_.empty()) {
    const PendingOrder& next = queue_.front();
    const std::size_t seals = plan.fresh_count() + next.order.seals.size();
    const bool over = seals > limits_.seals_max || plan.bytes() + next.order.bytes > limits_.bytes_max;
    if (!plan.empty() && (over || next.alone)) break;
    PendingOrder order = std::move(queue_.front());
    queue_.pop_front();
    if (needs_look_up(order)) {
      suspect(std::move(order), dispatched_ + (plan.fresh_count() > 0 ? 1 : 0));  // this plan will be dispatched too
      continue;
    }
    const bool alone = order.alone;
    identify(order, draw_id);
    if (const Status added = plan.add(order); !added) {
      if (plan.contradicts(order.order)) {
        // The outcome of the other plan decides whose seal_id it is: until then, this order may be the one in the
        // ledger.
        order.known.clear();
        order.look_up_first = true;
        suspect(std::move(order), dispatched_ + 1);
      } else {
        refused.push_back({std::move(order), added.error()});
      }
    }
    if (alone && !plan.empty()) break;
  }
  return plan;
}

bool BatchQueue::needs_look_up(const PendingOrder& order) const {
  if (!order.known.empty()) return false;
  if (order.look_up_first) return true;
  return std::any_of(order.order.seals.begin(), order.order.seals.end(),
                     [this](const Seal& seal) { return seal.seal_id && recent_.contains(*seal.seal_id); });
}

void BatchQueue::suspect(PendingOrder order, std::uint64_t look_up_after) {
  order.look_up_after = look_up_after;
  suspects_.push_back(std::move(order));
}

// Gives every seal an id, and remembers those chosen by producers.
void BatchQueue::identify(PendingOrder& order, const std::function<Uuid()>& draw_id) {
  for (Seal& seal : order.order.seals) {
    if (seal.seal_id) {
      recent_.remember(*seal.seal_id);
    } else {
      seal.seal_id = draw_id();
    }
  }
}

void BatchQueue::dispatched(PendingBatch batch) {
  batches_.push_back(std::move(batch));
  ++dispatched_;
}

std::size_t BatchQueue::seals_in_flight() const {
  std::size_t seals = 0;
  for (const PendingBatch& batch : batches_) seals += batch.plan.fresh_count();
  return seals;
}

PendingBatch BatchQueue::take_front() {
  PendingBatch batch = std::move(batches_.front());
  batches_.pop_front();
  return batch;
}

void BatchQueue::requeue(BatchPlan plan, Retry retry) {
  std::vector<PendingOrder> orders = plan.release();
  for (auto order = orders.rbegin(); order != orders.rend(); ++order) {
    queue_.push_front(for_retry(std::move(*order), retry));
  }
}

void BatchQueue::requeue_all(bool look_up_first) {
  while (!batches_.empty()) {
    requeue(std::move(batches_.back().plan), {.look_up_first = look_up_first});
    batches_.pop_back();
  }
}

void BatchQueue::requeue_unsent() {
  while (batches_.size() > 1) {
    requeue(std::move(batches_.back().plan), {});
    batches_.pop_back();
  }
}

PendingOrder BatchQueue::only_order(BatchPlan plan, Retry retry) {
  std::vector<PendingOrder> orders = plan.release();
  VAULT_CHECK(orders.size() == 1);
  return for_retry(std::move(orders.front()), retry);
}

// --- Look-ups --------------------------------------------------------------------------------------------------------

// The coordinator looks up in a session of its own, so everything that was with the committer before a suspect arrived
// must have completed first: it may include the suspect's twin.
std::optional<FindSeals> BatchQueue::begin_look_up() {
  if (!looking_up_.empty() || look_up_failed_) return std::nullopt;
  FindSeals find;
  while (!suspects_.empty() && suspects_.front().look_up_after <= completed() &&
         find.seal_ids.size() < std::min(limits_.seals_max, look_up_seals_max)) {
    for (const Seal& seal : suspects_.front().order.seals) find.seal_ids.push_back(seal.seal_id.value_or(Uuid{}));
    // The batches at the committer may yet add the seal_id.
    suspects_.front().looked_up_at = batches_.empty() ? dispatched_ : std::uint64_t(-1);
    looking_up_.push_back(std::move(suspects_.front()));
    suspects_.pop_front();
  }
  if (looking_up_.empty()) return std::nullopt;
  return find;
}

void BatchQueue::look_up_failed() {
  std::vector<PendingOrder> orders = std::exchange(looking_up_, {});
  for (auto order = orders.rbegin(); order != orders.rend(); ++order) suspects_.push_front(std::move(*order));
  look_up_failed_ = true;
}

void BatchQueue::found(std::vector<FoundSeal> found, std::int64_t durable) {
  std::vector<PendingOrder> orders = std::exchange(looking_up_, {});
  std::size_t next = 0;
  for (PendingOrder& order : orders) {
    for (const Seal& seal : order.order.seals) {
      VAULT_CHECK(next < found.size());
      // A seal without a seal_id was looked up under the nil UUID, which some producer may really use.
      order.known.push_back(seal.seal_id ? std::move(found[next]) : FoundSeal(std::nullopt));
      ++next;
    }
  }
  for (auto order = orders.rbegin(); order != orders.rend(); ++order) {
    const bool too_early = std::any_of(order->known.begin(), order->known.end(), [durable](const FoundSeal& known) {
      return known && *known && (*known)->entry.sequence > durable;
    });
    if (too_early) {
      order->known.clear();
      order->look_up_first = true;
      suspects_.push_front(std::move(*order));
      look_up_failed_ = true;
    } else {
      queue_.push_front(std::move(*order));
    }
  }
}

void BatchQueue::forget_found() {
  for (PendingOrder& order : queue_) {
    if (!order.known.empty()) order = for_retry(std::move(order), {.look_up_first = true});
  }
}

bool BatchQueue::front_was_looked_up() const {
  const auto& orders = batches_.front().plan.orders();
  return std::all_of(orders.begin(), orders.end(), [before = completed()](const PendingOrder& order) {
    return !order.known.empty() && order.looked_up_at == before;
  });
}

// --- Refused by the database -----------------------------------------------------------------------------------------

bool BatchQueue::all_refused_since(std::int64_t commits) const {
  return suspects_.empty() && looking_up_.empty() &&
         std::all_of(queue_.begin(), queue_.end(),
                     [commits](const PendingOrder& order) { return order.refused_after == commits; });
}

void BatchQueue::take_back_set_aside(std::size_t most) {
  for (; most > 0 && !set_aside_.empty(); --most) {
    queue_.push_back(std::move(set_aside_.front()));
    set_aside_.pop_front();
  }
}

}  // namespace vault
