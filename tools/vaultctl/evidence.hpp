// Offline checks beyond those of ledger/proof_file.hpp and ledger/receipt.hpp: that a given entry is the proven leaf,
// and that its merkle_root is right. Pure.
#pragma once

#include <cstdint>

#include "ledger/bytes.hpp"
#include "ledger/proof.hpp"
#include "ledger/result.hpp"
#include "tools/common/ledger_json.hpp"
#include "wire/message.hpp"

namespace vault::ctl {

// The root of the tree that ends with leaf `index`, from that leaf's inclusion proof in a larger tree: the siblings on
// the left of the path are the perfect subtrees before the leaf (RFC 9162 section 2.1.3.2). Precondition:
// verify_inclusion() holds for this proof. Error: invalid_argument.
Result<Hash> root_at_leaf(const Hash& leaf_hash, std::uint64_t index, std::uint64_t tree_size, const Proof& proof);

// Recomputes data_hash from salt and payload and returns leaf_data made of the entry's members. Error: invalid_argument
// naming the member that is missing or contradicts the others.
Result<std::string> rebuild_leaf(const EntryText& text);

// Checks that the tree of `first` entries is a prefix of that of `second` (RFC 9162 section 2.1.4.2); the empty tree,
// whose root must be that of no entries, is a prefix of every tree. Error: invalid_argument.
Status check_consistency(const ConsistencyResult& answer);

}  // namespace vault::ctl
