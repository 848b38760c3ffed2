// The frontier (compact range) of a tree: the roots of its perfect subtrees, largest first. It is all that an append
// needs from the leaves before it.
#pragma once

#include <cstdint>
#include <vector>

#include "ledger/bytes.hpp"

namespace vault {

class Frontier {
 public:
  Frontier() = default;
  // Roots of the perfect subtrees of a tree of `size` leaves, largest first. VAULT_CHECK: as many as `size` has
  // one-bits.
  Frontier(std::uint64_t size, std::vector<Hash> roots);

  std::uint64_t size() const { return size_; }
  const std::vector<Hash>& roots() const { return roots_; }

  // Amortised O(1) hashes.
  void append(const Hash& leaf_hash);
  // Root of the tree (RFC 6962 section 2.1); at most log2(size) hashes, none if size is a power of two.
  Hash root() const;

  friend bool operator==(const Frontier&, const Frontier&) = default;

 private:
  std::uint64_t size_ = 0;
  std::vector<Hash> roots_;
};

}  // namespace vault
