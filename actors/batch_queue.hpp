// The writer's orders in progress: those that wait, those that must be looked up first, and those with the committer.
// The queue decides what the next batch holds, and where a retried order goes; the writer decides what the outcome of a
// commit means.
//
//   push ──▶ queue ── plan() ──▶ batch with the committer ── take_front() ──▶ out
//              │ ▲                    │
//              │ └──── requeue() ─────┘
//              ▼ ▲
//   suspects ──▶ being looked up            set aside ──▶ queue
//
// Invariants: an order is in exactly one of these places; at most one look-up is under way; batches complete in the
// order in which they were dispatched. Bookkeeping only: no clock, no effects. Belongs to the writer.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "actors/batch_plan.hpp"
#include "actors/recent_seals.hpp"

namespace vault {

// A batch at the committer, and the state of the ledger once it has committed.
struct PendingBatch {
  BatchPlan plan;
  std::shared_ptr<const AppendRequest> request;
  LedgerState after;
  std::chrono::steady_clock::time_point sent{};
};

class BatchQueue {
 public:
  struct Limits {
    std::size_t seals_max;     // of a batch; a larger order is a batch of its own
    std::size_t bytes_max;     // of a batch
    std::size_t recent_seals;  // seal_ids remembered
  };
  // How to retry an order.
  struct Retry {
    bool look_up_first = false;
    bool alone = false;  // in a batch of its own
  };
  struct Refused {
    PendingOrder order;
    Error error;
  };

  explicit BatchQueue(const Limits& limits) : limits_(limits), recent_(limits.recent_seals) {}

  // --- Waiting ------------------------------------------------------------------------------------------------------

  void push(PendingOrder order) { queue_.push_back(std::move(order)); }
  void push_front(PendingOrder order) { queue_.push_front(std::move(order)); }
  std::size_t queued() const { return queue_.size(); }  // may be planned now
  std::size_t waiting() const;                          // all orders that are in no batch
  // True if nothing waits and nothing is with the committer; orders set aside do not count.
  bool drained() const;
  // Takes out the orders that peers wait for, and leaves those from the ingest socket.
  std::vector<PendingOrder> take_requests();

  // --- Batches ------------------------------------------------------------------------------------------------------

  // Moves orders from the queue into a plan until it is full; empty if nothing can be planned. Seals without a seal_id
  // get one from `draw_id`. Orders that contradict the ledger or an earlier order go to `refused`; suspects wait for a
  // look-up.
  BatchPlan plan(const std::function<Uuid()>& draw_id, std::vector<Refused>& refused);

  // Answers about batches of an earlier generation concern none that is still here.
  std::uint64_t generation() const { return generation_; }
  void begin_generation() { ++generation_; }

  void dispatched(PendingBatch batch);
  std::size_t in_flight() const { return batches_.size(); }
  std::size_t seals_in_flight() const;
  const PendingBatch& front() const { return batches_.front(); }  // the first to complete
  PendingBatch take_front();

  // Puts orders back at the front of the queue, in the order in which they came.
  void requeue(BatchPlan plan, Retry retry);
  void requeue_all(bool look_up_first);
  // Requeues all batches but the front one: they build on it, and were never sent.
  void requeue_unsent();
  // The only order of a plan, prepared for a retry.
  static PendingOrder only_order(BatchPlan plan, Retry retry);

  // --- Look-ups -----------------------------------------------------------------------------------------------------

  // The next look-up, if one may begin now: not while another is under way, nor after one that failed, nor before every
  // batch has completed that was with the committer when the order arrived.
  std::optional<FindSeals> begin_look_up();
  bool looking_up() const { return !looking_up_.empty(); }
  void look_up_failed();
  void allow_look_ups() { look_up_failed_ = false; }
  // `found`: one for each seal_id looked up. An entry beyond `durable` belongs to a batch in doubt or to another
  // writer, and may turn out not to be in the ledger that this writer continues: its order is looked up again later.
  void found(std::vector<FoundSeal> found, std::int64_t durable);
  // Discards look-up results: those from the database of an earlier lease may not hold for this one.
  void forget_found();
  // True if a look-up, after everything before it had completed, found none of the front batch's seal_ids.
  bool front_was_looked_up() const;

  // --- Refused by the database --------------------------------------------------------------------------------------

  // True if the database has refused each waiting order, alone, since `commits` batches were committed.
  bool all_refused_since(std::int64_t commits) const;
  // Puts an order where it delays no other.
  void set_aside(PendingOrder order) { set_aside_.push_back(std::move(order)); }
  void take_back_set_aside(std::size_t most);

 private:
  bool needs_look_up(const PendingOrder& order) const;
  void suspect(PendingOrder order, std::uint64_t look_up_after);
  void identify(PendingOrder& order, const std::function<Uuid()>& draw_id);
  std::uint64_t completed() const { return dispatched_ - batches_.size(); }

  Limits limits_;
  std::deque<PendingOrder> queue_;
  std::deque<PendingOrder> suspects_;     // waiting for a look-up
  std::vector<PendingOrder> looking_up_;  // being looked up
  std::deque<PendingOrder> set_aside_;    // from ingest, refused alone; they are retried one by one
  std::deque<PendingBatch> batches_;      // front: the first one at the committer
  std::uint64_t generation_ = 1;
  std::uint64_t dispatched_ = 0;  // batches so far, including those that were requeued
  bool look_up_failed_ = false;
  RecentSeals recent_;
};

}  // namespace vault
