#include "ledger/merkle_hash.hpp"

#include <cstring>

#include "ledger/sha256.hpp"

namespace vault {

namespace {

constexpr char leaf_prefix = 0x00;
constexpr char node_prefix = 0x01;

}  // namespace

Hash hash_leaf(std::string_view leaf_data) {
  return sha256({&leaf_prefix, 1}, leaf_data);
}

Hash hash_node(const Hash& left, const Hash& right) {
  char bytes[1 + 2 * sizeof(Hash)];
  bytes[0] = node_prefix;
  std::memcpy(bytes + 1, left.data(), left.size());
  std::memcpy(bytes + 1 + left.size(), right.data(), right.size());
  return sha256({bytes, sizeof bytes});
}

const Hash& empty_root() {
  static const Hash root = sha256({});
  return root;
}

}  // namespace vault
