#include "actors/batch_plan.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "ledger/check.hpp"

namespace vault {
namespace {

bool same_seal(const Seal& a, const Seal& b) {
  return a.verdict == b.verdict && a.session_id == b.session_id && a.authority == b.authority &&
         a.seal_data == b.seal_data;
}

tl::unexpected<Error> conflict(const SealOrder& order, std::size_t index) {
  const std::string field = order.seals.size() == 1 ? "seal.seal_id" : "seals[" + std::to_string(index) + "].seal_id";
  return fail(ErrorCode::seal_id_conflict,
              "seal_id " + format_uuid(*order.seals[index].seal_id) +
                  " is taken by a seal with other content; nothing was written. Use a new seal_id for a new seal",
              field);
}

Receipt make_receipt(const Entry& entry, bool duplicate) {
  Receipt receipt;
  receipt.duplicate = duplicate;
  receipt.entry.sequence = entry.sequence;
  receipt.entry.session_id = entry.session_id;
  receipt.entry.seal_id = entry.seal_id;
  receipt.entry.timestamp = entry.timestamp;
  receipt.entry.authority = entry.authority;
  receipt.entry.verdict = entry.verdict;
  receipt.entry.data_salt = entry.data_salt;
  receipt.entry.data_hash = entry.data_hash;
  receipt.entry.entry_hash = entry.entry_hash;
  receipt.entry.prev_hash = entry.prev_hash;
  receipt.entry.merkle_root = entry.merkle_root;
  return receipt;
}

}  // namespace

// Decides what becomes of one seal of an order, given what the order has added so far.
Result<BatchPlan::Slot> BatchPlan::place(PendingOrder& order, std::size_t index, std::size_t fresh_before,
                                         std::vector<const Seal*>& added) const {
  const Seal& seal = order.order.seals[index];
  VAULT_CHECK(seal.seal_id.has_value());
  if (!order.known.empty() && !order.known[index]) return tl::unexpected(order.known[index].error());
  if (!order.known.empty() && *order.known[index]) {
    SealedEntry& stored = **order.known[index];
    switch (match_seal(stored, seal)) {
      case SealMatch::damaged:
        return fail(ErrorCode::internal,
                    "entry " + std::to_string(stored.entry.sequence) + ", which holds this seal_id, is damaged");
      case SealMatch::other:
        return conflict(order.order, index);
      case SealMatch::same:
        break;
    }
    stored.entry.data_hash = compute_data_hash(*stored.entry.data_salt, seal.seal_data);
    return Slot{.duplicate = true, .existing = true, .index = index};
  }
  const Seal* twin = nullptr;
  std::size_t twin_index = 0;
  if (const auto found = index_by_id_.find(*seal.seal_id); found != index_by_id_.end()) {
    twin = fresh_[found->second];
    twin_index = found->second;
  } else if (const auto own = own_ids_.find(*seal.seal_id); own != own_ids_.end()) {
    twin = added[own->second];
    twin_index = fresh_before + own->second;
  }
  if (twin) {
    if (!same_seal(*twin, seal)) return conflict(order.order, index);
    return Slot{.duplicate = true, .existing = false, .index = twin_index};
  }
  added.push_back(&seal);
  return Slot{.duplicate = false, .existing = false, .index = fresh_before + added.size() - 1};
}

Status BatchPlan::add(PendingOrder& order) {
  VAULT_CHECK(order.known.empty() || order.known.size() == order.order.seals.size());
  std::vector<Slot> slots;
  std::vector<const Seal*> added;
  slots.reserve(order.order.seals.size());
  own_ids_.clear();
  for (std::size_t i = 0; i < order.order.seals.size(); ++i) {
    const std::size_t before = added.size();
    auto slot = place(order, i, fresh_.size(), added);
    if (!slot) return tl::unexpected(slot.error());
    if (added.size() > before && order.order.seals.size() > 1) own_ids_.emplace(*added.back()->seal_id, before);
    slots.push_back(*slot);
  }
  for (const Seal* seal : added) {
    index_by_id_.emplace(*seal->seal_id, fresh_.size());
    fresh_.push_back(seal);
  }
  bytes_ += order.order.bytes;
  slots_.push_back(std::move(slots));
  orders_.push_back(std::move(order));  // moving the vector does not move the seals themselves
  return {};
}

bool BatchPlan::contradicts(const SealOrder& order) const {
  return std::any_of(order.seals.begin(), order.seals.end(), [this](const Seal& seal) {
    const auto found = index_by_id_.find(*seal.seal_id);
    return found != index_by_id_.end() && !same_seal(*fresh_[found->second], seal);
  });
}

std::vector<Receipt> BatchPlan::receipts(std::size_t index, const std::vector<Entry>& entries) const {
  VAULT_CHECK(entries.size() == fresh_.size());
  std::vector<Receipt> out;
  out.reserve(slots_[index].size());
  for (const Slot& slot : slots_[index]) {
    out.push_back(slot.existing ? make_receipt((*orders_[index].known[slot.index])->entry, true)
                                : make_receipt(entries[slot.index], slot.duplicate));
  }
  return out;
}

}  // namespace vault
