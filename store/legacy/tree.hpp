// The Merkle tree of the old Python service's ledger: consecutive pairs of hex texts are hashed into the next level's
// hex text; an odd last one is paired with itself; without leaves it is SHA-256 of "EMPTY_LEDGER". This is not the
// ledger's own tree (tile.hpp), and weaker: it does not distinguish leaves from nodes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vault {

class LegacyTree {
 public:
  std::uint64_t size() const { return size_; }
  // Root of the leaves so far. Cost: none.
  const std::string& root() const { return root_; }
  // Root of the leaves so far and one more. Cost: one hash per level.
  std::string root_with(std::string_view leaf) const;
  // Cost: one hash per level.
  void push(std::string_view leaf);

  LegacyTree();

 private:
  std::uint64_t size_ = 0;
  std::vector<std::string>
      left_;  // of each level, the complete node that waits for its right sibling, where size_ has the bit
  std::string root_;
};

}  // namespace vault
