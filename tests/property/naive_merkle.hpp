// RFC 6962 section 2.1 written as in the RFC: recursion over all leaves, nothing cached, nothing shared with ledger/
// but the hash of bytes. Slow, and meant to be obviously right.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "ledger/bytes.hpp"
#include "ledger/sha256.hpp"

namespace vault::naive {

using Leaves = std::span<const Hash>;  // leaf hashes

inline std::size_t split(std::size_t count) {
  std::size_t k = 1;
  while (k * 2 < count) k *= 2;
  return k;
}

inline Hash node(const Hash& left, const Hash& right) {
  std::array<char, 65> bytes{1};
  std::copy(left.begin(), left.end(), bytes.begin() + 1);
  std::copy(right.begin(), right.end(), bytes.begin() + 33);
  return sha256({bytes.data(), bytes.size()});
}

// MTH(D[n])
inline Hash root(Leaves leaves) {
  if (leaves.empty()) return sha256("");
  if (leaves.size() == 1) return leaves[0];
  const std::size_t k = split(leaves.size());
  return node(root(leaves.first(k)), root(leaves.subspan(k)));
}

// PATH(m, D[n])
inline std::vector<Hash> path(std::size_t m, Leaves leaves) {
  if (leaves.size() == 1) return {};
  const std::size_t k = split(leaves.size());
  std::vector<Hash> out = m < k ? path(m, leaves.first(k)) : path(m - k, leaves.subspan(k));
  out.push_back(m < k ? root(leaves.subspan(k)) : root(leaves.first(k)));
  return out;
}

// SUBPROOF(m, D[n], b)
inline std::vector<Hash> subproof(std::size_t m, Leaves leaves, bool known) {
  if (m == leaves.size()) return known ? std::vector<Hash>{} : std::vector<Hash>{root(leaves)};
  const std::size_t k = split(leaves.size());
  std::vector<Hash> out = m <= k ? subproof(m, leaves.first(k), known) : subproof(m - k, leaves.subspan(k), false);
  out.push_back(m <= k ? root(leaves.subspan(k)) : root(leaves.first(k)));
  return out;
}

// PROOF(m, D[n]), 0 < m <= n
inline std::vector<Hash> consistency(std::size_t m, Leaves leaves) {
  return subproof(m, leaves, true);
}

}  // namespace vault::naive
