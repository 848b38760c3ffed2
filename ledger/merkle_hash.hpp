// The two hashes of an RFC 6962 tree (section 2.1), for leaves and for nodes, which differ in their first byte.
#pragma once

#include <string_view>

#include "ledger/bytes.hpp"

namespace vault {

Hash hash_leaf(std::string_view leaf_data);           // SHA-256(0x00 || leaf_data)
Hash hash_node(const Hash& left, const Hash& right);  // SHA-256(0x01 || left || right)
const Hash& empty_root();                             // SHA-256("")

}  // namespace vault
