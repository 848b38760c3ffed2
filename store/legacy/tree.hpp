// The Merkle tree of the old Python service's ledger: pairs of hex texts, one after the other, hashed into the next
// level's hex text; an odd last one is paired with itself; for no leaves SHA-256 of "EMPTY_LEDGER". Not the ledger's
// own tree (tile.hpp), and weaker: it does not tell leaves from nodes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vault {

class LegacyTree {
 public:
  std::uint64_t size() const { return size_; }
  // Of the leaves so far. Cost: none.
  const std::string& root() const { return root_; }
  // Of the leaves so far and one more. Cost: one hash a level.
  std::string root_with(std::string_view leaf) const;
  // Cost: one hash a level.
  void push(std::string_view leaf);

  LegacyTree();

 private:
  std::uint64_t size_ = 0;
  std::vector<std::string>
      left_;  // of each level, the whole node that waits for its right one, where size_ has the bit
  std::string root_;
};

}  // namespace vault
