// Orders on their way through the writer: those that wait, those that must be looked up first, those with the
// committer. The queue decides what the next batch holds, and where an order goes that is tried again; what an outcome
// of a commit means is for the writer to say.
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

// A batch at the committer, and what the ledger is once it has committed.
struct PendingBatch {
  BatchPlan plan;
  std::shared_ptr<const AppendRequest> request;
  LedgerState after;
  std::chrono::steady_clock::time_point sent{};
};

class BatchQueue {
 public:
  struct Limits {
    std::size_t seals_max;     // of a batch; an order of more is a batch of its own
    std::size_t bytes_max;     // of a batch
    std::size_t recent_seals;  // seal_ids remembered
  };
  // How an order is tried again.
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
  std::size_t waiting() const;                          // all that no batch holds
  // Nothing waits and nothing is with the committer; what is set aside does not count.
  bool drained() const;
  // Takes out what peers wait for, and leaves what came by ingest.
  std::vector<PendingOrder> take_requests();

  // --- Batches ------------------------------------------------------------------------------------------------------

  // Moves orders from the queue into a plan until it is full; empty if nothing can be planned. Seals without a seal_id
  // get one from `draw_id`. Orders that contradict the ledger or an order before them go to `refused`; suspects wait
  // for a look-up.
  BatchPlan plan(const std::function<Uuid()>& draw_id, std::vector<Refused>& refused);

  // Answers about batches of an earlier generation are about none that is still here.
  std::uint64_t generation() const { return generation_; }
  void begin_generation() { ++generation_; }

  void dispatched(PendingBatch batch);
  std::size_t in_flight() const { return batches_.size(); }
  std::size_t seals_in_flight() const;
  const PendingBatch& front() const { return batches_.front(); }  // completes first
  PendingBatch take_front();

  // Back to the front of the queue, in the order in which the orders came.
  void requeue(BatchPlan plan, Retry retry);
  void requeue_all(bool look_up_first);
  // All but the front one: they build on it, and were never sent.
  void requeue_unsent();
  // The only order of a plan, as it is tried again.
  static PendingOrder only_order(BatchPlan plan, Retry retry);

  // --- Look-ups -----------------------------------------------------------------------------------------------------

  // What to look up next, if anything may be looked up now: not while another look-up is under way, nor after one that
  // failed, nor before every batch has completed that was with the committer when the order came.
  std::optional<FindSeals> begin_look_up();
  bool looking_up() const { return !looking_up_.empty(); }
  void look_up_failed();
  void allow_look_ups() { look_up_failed_ = false; }
  // `found`: one for each seal_id asked for. An entry beyond `durable` is a batch in doubt or another writer's, and may
  // yet turn out not to be in the ledger that this writer goes on with: its order is looked up again later.
  void found(std::vector<FoundSeal> found, std::int64_t durable);
  // What was found in the database of an earlier lease need not be in this one.
  void forget_found();
  // Whether a look-up, after everything before it had completed, found none of the front batch's seal_ids.
  bool front_was_looked_up() const;

  // --- Refused by the database --------------------------------------------------------------------------------------

  // Whether the database has refused each order that waits, alone, since `commits` batches were committed.
  bool all_refused_since(std::int64_t commits) const;
  // Waits in nobody's way.
  void set_aside(PendingOrder order) { set_aside_.push_back(std::move(order)); }
  void take_back_set_aside(std::size_t most);

 private:
  bool needs_look_up(const PendingOrder& order) const;
  void suspect(PendingOrder order, std::uint64_t look_up_after);
  void identify(PendingOrder& order, const std::function<Uuid()>& draw_id);
  std::uint64_t completed() const { return dispatched_ - batches_.size(); }

  Limits limits_;
  std::deque<PendingOrder> queue_;
  std::deque<PendingOrder> suspects_;     // wait for a look-up
  std::vector<PendingOrder> looking_up_;  // are being looked up
  std::deque<PendingOrder> set_aside_;    // of ingest, refused alone; one by one they are tried again
  std::deque<PendingBatch> batches_;      // front: with the committer first
  std::uint64_t generation_ = 1;
  std::uint64_t dispatched_ = 0;  // batches so far, those that were requeued included
  bool look_up_failed_ = false;
  RecentSeals recent_;
};

}  // namespace vault
