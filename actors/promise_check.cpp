#include "actors/promise_check.hpp"

#include <algorithm>
#include <limits>

#include "ledger/check.hpp"

namespace vault {

bool PromiseCheck::is_last(const std::string& origin) const {
  return !identities_.empty() && identities_.back().origin == origin;
}

// The largest tree for which a promise of this origin counts; nullopt for an origin that is not one of the ledger's.
std::optional<std::int64_t> PromiseCheck::counts_up_to(const std::string& origin) const {
  for (std::size_t i = 0; i < identities_.size(); ++i) {
    if (identities_[i].origin != origin) continue;
    return i + 1 < identities_.size() ? identities_[i + 1].accepted_sequence : std::numeric_limits<std::int64_t>::max();
  }
  return std::nullopt;
}

void PromiseCheck::add(const StoredCheckpoint& promise) {
  if (!counts_up_to(promise.origin)) return;
  const bool known = std::any_of(promises_.begin(), promises_.end(), [&](const StoredCheckpoint& other) {
    return other.origin == promise.origin && other.tree_size == promise.tree_size && other.root == promise.root &&
           other.note.empty() == promise.note.empty();
  });
  if (known) return;
  promises_.push_back(promise);
  if (!is_last(promise.origin)) largest_of_earlier_ = std::max(largest_of_earlier_, promise.tree_size);
  const bool is_signed = is_last(promise.origin) && !promise.note.empty();
  if (is_signed && promise.tree_size <= head_.sequence &&
      (!largest_signed_ || largest_signed_->tree_size < promise.tree_size)) {
    largest_signed_ = promise;
  }
}

// A promise beyond the head, or beyond the history on which the next identity began, is broken without reading
// anything.
bool PromiseCheck::can_hold(const StoredCheckpoint& promise) const {
  return promise.tree_size <= head_.sequence && promise.tree_size <= *counts_up_to(promise.origin);
}

TreeRequest PromiseCheck::request() const {
  TreeRequest request;
  for (const StoredCheckpoint& promise : promises_) {
    if (can_hold(promise)) request.sizes.push_back(static_cast<std::uint64_t>(promise.tree_size));
  }
  request.to = static_cast<std::uint64_t>(head_.sequence);
  request.from = largest_signed_ ? static_cast<std::uint64_t>(largest_signed_->tree_size) : request.to;
  return request;
}

void PromiseCheck::judge(const std::vector<Hash>& roots) {
  std::int64_t largest_kept = -1;  // signed by the last identity
  std::size_t next = 0;
  for (const StoredCheckpoint& promise : promises_) {
    const bool comparable = can_hold(promise);
    VAULT_CHECK(!comparable || next < roots.size());
    const bool holds = comparable && roots[next++] == promise.root;
    if (is_last(promise.origin)) {
      if (!holds) broken_.push_back(promise);
      if (holds && !promise.note.empty()) largest_kept = std::max(largest_kept, promise.tree_size);
    } else if (!holds) {
      if (!promise.note.empty()) given_up_.push_back(promise);
    }
  }
  VAULT_CHECK(next == roots.size());
  // Largest first, since that is the one a message names.
  const auto larger = [](const StoredCheckpoint& a, const StoredCheckpoint& b) { return a.tree_size > b.tree_size; };
  std::stable_sort(broken_.begin(), broken_.end(), larger);
  split_ = std::any_of(broken_.begin(), broken_.end(), [&](const StoredCheckpoint& promise) {
    return !promise.note.empty() && promise.tree_size <= largest_kept;
  });
}

bool PromiseCheck::behind() const {
  return !broken_.empty() && broken_.front().tree_size > head_.sequence;
}

}  // namespace vault
