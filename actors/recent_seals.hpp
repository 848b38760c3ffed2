// A bounded memory of recently seen seal_ids. A seal whose id is in here is a suspect: it is looked up before it is
// sealed, so that a storm of retries does not roll back one batch after the other.
#pragma once

#include <cstddef>
#include <unordered_set>
#include <vector>

#include "ledger/uuid.hpp"

namespace vault {

class RecentSeals {
 public:
  explicit RecentSeals(std::size_t capacity) : capacity_(capacity) { ring_.reserve(capacity); }

  bool contains(const Uuid& id) const { return ids_.contains(id); }

  // The oldest is forgotten once `capacity` are remembered.
  void remember(const Uuid& id) {
    if (!ids_.insert(id).second) return;
    if (ring_.size() < capacity_) {
      ring_.push_back(id);
      return;
    }
    ids_.erase(ring_[next_]);
    ring_[next_] = id;
    next_ = (next_ + 1) % capacity_;
  }

 private:
  std::size_t capacity_;
  std::vector<Uuid> ring_;
  std::size_t next_ = 0;
  std::unordered_set<Uuid, UuidHash> ids_;
};

}  // namespace vault
