#include "actors/growth_proof.hpp"

#include <cstdint>
#include <utility>

#include "ledger/check.hpp"
#include "ledger/merkle_hash.hpp"

namespace vault {

namespace {

// Nodes of a grown tree, computed from the old tree's frontier and the leaves added since.
class GrowthNodes final : public NodeReader {
 public:
  GrowthNodes(const Frontier& frontier, const std::vector<Hash>& leaves) : frontier_(frontier), leaves_(leaves) {}

  Result<Hash> read_node(unsigned level, std::uint64_t index) override {
    const std::uint64_t begin = index << level;
    const std::uint64_t end = begin + (std::uint64_t{1} << level);
    if (end <= frontier_.size()) return old_node(begin, end);
    if (level == 0) return leaves_[begin - frontier_.size()];
    auto left = read_node(level - 1, 2 * index);
    if (!left) return left;
    auto right = read_node(level - 1, 2 * index + 1);
    if (!right) return right;
    return hash_node(*left, *right);
  }

 private:
  // A consistency proof needs old nodes only where they are perfect subtrees of the old frontier.
  Result<Hash> old_node(std::uint64_t begin, std::uint64_t end) const {
    std::uint64_t at = 0;
    std::size_t which = 0;
    for (int bit = 63; bit >= 0; --bit) {
      const std::uint64_t width = std::uint64_t{1} << bit;
      if ((frontier_.size() & width) == 0) continue;
      if (at == begin && at + width == end) return frontier_.roots()[which];
      at += width;
      ++which;
    }
    return fail(ErrorCode::internal, "a node inside the old frontier was asked for");
  }

  const Frontier& frontier_;
  const std::vector<Hash>& leaves_;
};

}  // namespace

Proof prove_growth(const Frontier& frontier, const std::vector<Hash>& leaves) {
  GrowthNodes nodes(frontier, leaves);
  auto proof = prove_consistency(nodes, frontier.size(), frontier.size() + leaves.size());
  VAULT_CHECK(proof.has_value());
  return std::move(*proof);
}

}  // namespace vault
