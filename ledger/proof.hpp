// Inclusion and consistency proofs (RFC 9162 sections 2.1.3 and 2.1.4), made in O(log n) tile reads.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "ledger/bytes.hpp"
#include "ledger/result.hpp"
#include "ledger/tile.hpp"

namespace vault {

using Proof = std::vector<Hash>;  // in RFC order; for inclusion the leaf's sibling first

// Source of the roots of perfect subtrees: node `index` at `level` covers leaves [index * 2^level, (index+1) *
// 2^level).
class NodeReader {
 public:
  virtual ~NodeReader() = default;
  virtual Result<Hash> read_node(unsigned level, std::uint64_t index) = 0;
};

// Reads nodes from the tiles of a tree of `tree_size` leaves, never beyond it (not_found). Each tile is read once and
// kept; a node costs up to 127 hashes.
class TileNodeReader final : public NodeReader {
 public:
  TileNodeReader(TileReader& tiles, std::uint64_t tree_size) : tiles_(tiles), tree_size_(tree_size) {}
  Result<Hash> read_node(unsigned level, std::uint64_t index) override;

 private:
  TileReader& tiles_;
  std::uint64_t tree_size_;
  std::map<TileId, std::string> cache_;
};

// Root of the leaves [begin, end). Precondition: begin < end, and the range is a subtree of some tree of `end` leaves.
Result<Hash> range_root(NodeReader& nodes, std::uint64_t begin, std::uint64_t end);
// Root of the first `size` leaves; SHA-256("") for none.
Result<Hash> root_of_size(NodeReader& nodes, std::uint64_t size);

// Precondition (else invalid_argument): index < size.
Result<Proof> prove_inclusion(NodeReader& nodes, std::uint64_t index, std::uint64_t size);
// Precondition (else invalid_argument): first <= second. Empty for first == 0 and for first == second.
Result<Proof> prove_consistency(NodeReader& nodes, std::uint64_t first, std::uint64_t second);

// Errors: invalid_argument saying which check failed. Never reads outside the proof.
// As in RFC 9162 section 2.1.4, consistency requires 0 < first: every tree continues the empty one, so there is nothing
// to prove, and first == 0 with 0 < second is refused (callers skip the check). 0 and 0 agree only if both roots are
// the empty tree's.
Status verify_inclusion(const Hash& leaf_hash, std::uint64_t index, std::uint64_t size, const Proof& proof,
                        const Hash& root);
Status verify_consistency(std::uint64_t first, std::uint64_t second, const Hash& first_root, const Hash& second_root,
                          const Proof& proof);

}  // namespace vault
