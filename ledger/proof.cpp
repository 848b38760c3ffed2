#include "ledger/proof.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "ledger/check.hpp"
#include "ledger/limits.hpp"
#include "ledger/merkle_hash.hpp"

namespace vault {
namespace {

// The point at which RFC 9162 section 2.1.1 splits `count` >= 2 leaves: the largest power of two smaller than it.
std::uint64_t split_point(std::uint64_t count) {
  return std::bit_floor(count - 1);
}

// Appends the root of [begin, end) to `proof`.
Status add_range(NodeReader& nodes, std::uint64_t begin, std::uint64_t end, Proof& proof) {
  Result<Hash> root = range_root(nodes, begin, end);
  if (!root) return tl::unexpected(std::move(root.error()));
  proof.push_back(*root);
  return {};
}

bool is_odd(std::uint64_t value) {
  return (value & 1) != 0;
}

// The walk from a node to the root that both verifications share: `node` is the position, within its level, of the node
// reached so far, `last` that of the level's last node.
struct Path {
  std::uint64_t node;
  std::uint64_t last;

  void up() {
    node >>= 1;
    last >>= 1;
  }
  // True if the next hash of the proof is a left sibling. If so, skips the levels in which the node has no sibling (a
  // promoted node at the right edge).
  bool sibling_is_left() {
    if (!is_odd(node) && node != last) return false;
    while (!is_odd(node) && node != 0) up();
    return true;
  }
};

}  // namespace

Result<Hash> TileNodeReader::read_node(unsigned level, std::uint64_t index) {
  if (level >= 64 || index >= tree_size_ >> level) {
    return fail(ErrorCode::not_found,
                fmt::format("node {} of level {} is not in a tree of {} leaves", index, level, tree_size_));
  }
  const unsigned tile_level = level / limits::tile_height;
  const unsigned height = level % limits::tile_height;  // above the hashes of the tile
  const std::uint64_t first = index << height;
  const TileId id{tile_level, first / limits::tile_width};
  auto cached = cache_.find(id);
  if (cached == cache_.end()) {
    const unsigned width = id.index < full_tiles(tree_size_, tile_level) ? static_cast<unsigned>(limits::tile_width)
                                                                         : partial_width(tree_size_, tile_level);
    Result<std::string> hashes = tiles_.read_tile(id, width);
    if (!hashes) return tl::unexpected(std::move(hashes.error()));
    if (hashes->size() != width * sizeof(Hash)) {
      return fail(ErrorCode::internal, fmt::format("{} has {} bytes instead of {}", tile_path(id, width),
                                                   hashes->size(), width * sizeof(Hash)));
    }
    cached = cache_.emplace(id, std::move(*hashes)).first;
  }
  const std::size_t offset = first % limits::tile_width * sizeof(Hash);
  return tile_root(std::string_view(cached->second).substr(offset, sizeof(Hash) << height));
}

Result<Hash> range_root(NodeReader& nodes, std::uint64_t begin, std::uint64_t end) {
  VAULT_CHECK(begin < end);
  // From the right: perfect subtrees of growing size, each the right half of the range that the next one starts.
  std::uint64_t count = end - begin;
  std::uint64_t stop = end;
  Hash root{};
  for (bool first = true; count != 0; first = false) {
    const unsigned level = static_cast<unsigned>(std::countr_zero(count));
    stop -= std::uint64_t{1} << level;
    VAULT_CHECK(stop % (std::uint64_t{1} << level) == 0);
    Result<Hash> node = nodes.read_node(level, stop >> level);
    if (!node) return node;
    root = first ? *node : hash_node(*node, root);
    count &= count - 1;
  }
  return root;
}

Result<Hash> root_of_size(NodeReader& nodes, std::uint64_t size) {
  if (size == 0) return empty_root();
  return range_root(nodes, 0, size);
}

Result<Proof> prove_inclusion(NodeReader& nodes, std::uint64_t index, std::uint64_t size) {
  if (index >= size) return refuse_argument(fmt::format("index {} is not in a tree of {} leaves", index, size));
  Proof proof;
  std::uint64_t begin = 0;
  std::uint64_t end = size;
  while (end - begin > 1) {  // PATH of RFC 9162 section 2.1.3.1, from the root down
    const std::uint64_t middle = begin + split_point(end - begin);
    const bool left = index < middle;
    Status added = left ? add_range(nodes, middle, end, proof) : add_range(nodes, begin, middle, proof);
    if (!added) return tl::unexpected(std::move(added.error()));
    (left ? end : begin) = middle;
  }
  std::reverse(proof.begin(), proof.end());
  return proof;
}

Result<Proof> prove_consistency(NodeReader& nodes, std::uint64_t first, std::uint64_t second) {
  if (first > second)
    return refuse_argument(fmt::format("a tree of {} leaves does not continue one of {}", second, first));
  Proof proof;
  if (first == 0 || first == second) return proof;
  std::uint64_t begin = 0;
  std::uint64_t end = second;
  while (first != end) {  // SUBPROOF of RFC 9162 section 2.1.4.1, from the root down
    const std::uint64_t middle = begin + split_point(end - begin);
    const bool left = first <= middle;
    Status added = left ? add_range(nodes, middle, end, proof) : add_range(nodes, begin, middle, proof);
    if (!added) return tl::unexpected(std::move(added.error()));
    (left ? end : begin) = middle;
  }
  if (begin != 0) {  // else it is the first tree's root, which the verifier has
    Status added = add_range(nodes, begin, end, proof);
    if (!added) return tl::unexpected(std::move(added.error()));
  }
  std::reverse(proof.begin(), proof.end());
  return proof;
}

Status verify_inclusion(const Hash& leaf_hash, std::uint64_t index, std::uint64_t size, const Proof& proof,
                        const Hash& root) {
  if (index >= size) return refuse_argument(fmt::format("index {} is not in a tree of {} leaves", index, size));
  Path path{index, size - 1};
  Hash node = leaf_hash;
  for (const Hash& sibling : proof) {
    if (path.last == 0) return refuse_argument("the inclusion proof is too long");
    node = path.sibling_is_left() ? hash_node(sibling, node) : hash_node(node, sibling);
    path.up();
  }
  if (path.last != 0) return refuse_argument("the inclusion proof is too short");
  if (node != root) return refuse_argument("the inclusion proof does not lead to the root");
  return {};
}

Status verify_consistency(std::uint64_t first, std::uint64_t second, const Hash& first_root, const Hash& second_root,
                          const Proof& proof) {
  if (first > second)
    return refuse_argument(fmt::format("a tree of {} leaves does not continue one of {}", second, first));
  if (first == second) {
    if (!proof.empty()) return refuse_argument("the consistency proof is too long");
    if (first == 0 && first_root != empty_root()) return refuse_argument("the root is not that of the empty tree");
    if (first_root != second_root) return refuse_argument("two roots for one tree size");
    return {};
  }
  if (first == 0) return refuse_argument("every tree continues the empty one: nothing to prove");
  auto next = proof.begin();
  Hash start = first_root;  // a perfect first tree is itself the node to start from
  if (!std::has_single_bit(first)) {
    if (next == proof.end()) return refuse_argument("the consistency proof is too short");
    start = *next++;
  }
  Path path{first - 1, second - 1};
  while (is_odd(path.node)) path.up();
  Hash first_node = start;
  Hash second_node = start;
  for (; next != proof.end(); ++next) {
    if (path.last == 0) return refuse_argument("the consistency proof is too long");
    if (path.sibling_is_left()) {
      first_node = hash_node(*next, first_node);
      second_node = hash_node(*next, second_node);
    } else {
      second_node = hash_node(second_node, *next);
    }
    path.up();
  }
  if (path.last != 0) return refuse_argument("the consistency proof is too short");
  if (first_node != first_root) return refuse_argument("the consistency proof does not lead to the first root");
  if (second_node != second_root) return refuse_argument("the consistency proof does not lead to the second root");
  return {};
}

}  // namespace vault
