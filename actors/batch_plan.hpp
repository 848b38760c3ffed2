// The contents of a batch: which seals become entries, and which are duplicates of which.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "actors/message.hpp"
#include "ledger/sequencer.hpp"

namespace vault {

// An order in progress at the writer.
struct PendingOrder {
  SealOrder order;
  // After a look-up: the entries that already hold these seal_ids, one answer for each seal; empty before.
  std::vector<FoundSeal> known;
  bool look_up_first = false;       // one of its seal_ids may be in the ledger already
  bool alone = false;               // must not share a batch: the last batch with it was refused
  std::int64_t refused_after = -1;  // the database refused it alone after this many commits; -1: never
  std::uint64_t looked_up_at = 0;   // after this many batches, all of them completed; UINT64_MAX: not all were
  std::uint64_t look_up_after = 0;  // for a suspect: this many batches must have completed first
};

class BatchPlan {
 public:
  // Adds an order whose seals all have a seal_id. The order is taken whole or not at all. Error: seal_id_conflict if a
  // seal_id is known, in this plan or in the ledger, with other content; internal if the ledger's entry with it is
  // damaged. The order then stays with the caller.
  Status add(PendingOrder& order);
  // True if a seal_id of this order belongs to a fresh seal with other content.
  bool contradicts(const SealOrder& order) const;

  bool empty() const { return orders_.empty(); }
  std::size_t fresh_count() const { return fresh_.size(); }
  std::size_t bytes() const { return bytes_; }
  const std::vector<PendingOrder>& orders() const { return orders_; }

  // The seals that become entries, in order. Pointers stay valid for the plan's lifetime.
  const std::vector<const Seal*>& fresh() const { return fresh_; }

  // One receipt for each seal of order `index`; `entries` are the entries made from fresh().
  std::vector<Receipt> receipts(std::size_t index, const std::vector<Entry>& entries) const;

  // Returns the orders, for another try.
  std::vector<PendingOrder> release() { return std::move(orders_); }

 private:
  struct Slot {
    bool duplicate = false;
    bool existing = false;  // in the ledger before this batch: orders_[..].known[..]
    std::size_t index = 0;  // otherwise: index into fresh()
  };
  Result<Slot> place(PendingOrder& order, std::size_t index, std::size_t fresh_before,
                     std::vector<const Seal*>& added) const;

  std::vector<PendingOrder> orders_;
  std::vector<std::vector<Slot>> slots_;  // one vector per order
  std::vector<const Seal*> fresh_;
  std::unordered_map<Uuid, std::size_t, UuidHash> index_by_id_;  // seal_id -> index into fresh_
  std::unordered_map<Uuid, std::size_t, UuidHash> own_ids_;      // of the order being added -> index into what it adds
  std::size_t bytes_ = 0;
};

}  // namespace vault
