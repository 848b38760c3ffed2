#include "ledger/frontier.hpp"

#include <bit>
#include <utility>

#include "ledger/check.hpp"
#include "ledger/merkle_hash.hpp"

namespace vault {

Frontier::Frontier(std::uint64_t size, std::vector<Hash> roots) : size_(size), roots_(std::move(roots)) {
  VAULT_CHECK(roots_.size() == static_cast<std::size_t>(std::popcount(size)));
}

void Frontier::append(const Hash& leaf_hash) {
  VAULT_CHECK(size_ != UINT64_MAX);
  Hash node = leaf_hash;
  // Each trailing one-bit of the size is a perfect subtree that the new node completes to one twice as large.
  for (std::uint64_t bits = size_; (bits & 1) != 0; bits >>= 1) {
    node = hash_node(roots_.back(), node);
    roots_.pop_back();
  }
  roots_.push_back(node);
  ++size_;
}

Hash Frontier::root() const {
  if (roots_.empty()) return empty_root();
  Hash node = roots_.back();
  for (std::size_t i = roots_.size() - 1; i-- > 0;) node = hash_node(roots_[i], node);
  return node;
}

}  // namespace vault
