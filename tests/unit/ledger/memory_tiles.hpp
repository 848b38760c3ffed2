// A tree kept in memory as its tiles, filled by TreeEdge: the ledger's view of a store.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ledger/merkle_hash.hpp"
#include "ledger/tile.hpp"

namespace vault {

class MemoryTiles final : public TileReader {
 public:
  void append(const Hash& leaf_hash) {
    add(0, leaf_hash);
    const std::size_t before = finished_.size();
    edge_.append(leaf_hash, finished_);
    for (std::size_t i = before; i < finished_.size(); ++i) add(finished_[i].id.level + 1, finished_[i].root);
  }

  Result<std::string> read_tile(const TileId& id, unsigned width) override {
    ++reads_;
    const std::size_t begin = (id.index * 256) * 32;
    const std::size_t bytes = width * std::size_t{32};
    if (id.level >= levels_.size() || begin + bytes > levels_[id.level].size()) {
      return fail(ErrorCode::not_found, "no such tile");
    }
    return levels_[id.level].substr(begin, bytes);
  }

  const TreeEdge& edge() const { return edge_; }
  const std::vector<Tile>& finished() const { return finished_; }
  int reads() const { return reads_; }

 private:
  void add(unsigned level, const Hash& hash) {
    if (levels_.size() <= level) levels_.resize(level + 1);
    levels_[level] += as_view(hash);
  }

  TreeEdge edge_;
  std::vector<Tile> finished_;
  std::vector<std::string> levels_;  // all hashes of a level, one after another
  int reads_ = 0;
};

// Leaf hashes that differ from each other.
inline std::vector<Hash> make_leaves(std::size_t count) {
  std::vector<Hash> leaves;
  leaves.reserve(count);
  for (std::size_t i = 0; i < count; ++i) leaves.push_back(hash_leaf("leaf " + std::to_string(i)));
  return leaves;
}

}  // namespace vault
