#include "tools/vaultctl/evidence.hpp"

#include <algorithm>

#include "ledger/frontier.hpp"
#include "ledger/merkle_hash.hpp"

namespace vault::ctl {
namespace {

tl::unexpected<Error> wrong(const std::string& field, const std::string& message) {
  return fail(ErrorCode::invalid_argument, message, field);
}

}  // namespace

Result<Hash> root_at_leaf(const Hash& leaf_hash, std::uint64_t index, std::uint64_t tree_size, const Proof& proof) {
  if (index >= tree_size) return wrong("index", "the leaf is beyond the tree");
  std::vector<Hash> left;
  std::uint64_t node = index, last = tree_size - 1;
  for (const Hash& sibling : proof) {
    if ((node & 1) != 0 || node == last) {
      left.push_back(sibling);
      while ((node & 1) == 0 && node != 0) {
        node >>= 1;
        last >>= 1;
      }
    }
    node >>= 1;
    last >>= 1;
  }
  std::size_t subtrees = 0;
  for (std::uint64_t bits = index; bits != 0; bits &= bits - 1) ++subtrees;
  if (left.size() != subtrees) return wrong("proof", "the proof has the wrong length");
  std::reverse(left.begin(), left.end());
  Frontier frontier(index, std::move(left));
  frontier.append(leaf_hash);
  return frontier.root();
}

Result<std::string> rebuild_leaf(const EntryText& text) {
  Entry entry = text.entry;
  if (!entry.seal_data) return wrong("seal_data", "the entry's payload is missing and nothing explains it");
  if (!entry.data_salt) return wrong("data_salt", "the entry has no data_salt: its payload cannot be checked");
  const Hash data_hash = compute_data_hash(*entry.data_salt, *entry.seal_data);
  if (text.has_data_hash && entry.data_hash != data_hash) {
    return wrong("data_hash", "data_hash is not that of seal_data and data_salt");
  }
  entry.data_hash = data_hash;
  std::string leaf_data;
  append_leaf_data(entry, leaf_data);
  if (text.has_entry_hash && entry.entry_hash != hash_leaf(leaf_data)) {
    return wrong("entry_hash", "entry_hash is not the hash of the entry's members");
  }
  return leaf_data;
}

Status check_consistency(const ConsistencyResult& answer) {
  if (answer.first < 0 || answer.second < answer.first) return wrong("first", "the sizes are not those of two trees");
  if (answer.first > 0) {
    return verify_consistency(static_cast<std::uint64_t>(answer.first), static_cast<std::uint64_t>(answer.second),
                              answer.first_root, answer.second_root, answer.proof);
  }
  if (answer.first_root != empty_root()) return wrong("first_root", "the root is not that of the empty tree");
  if (!answer.proof.empty()) return wrong("proof", "for the empty tree there is nothing to prove");
  if (answer.second == 0 && answer.second_root != answer.first_root) return wrong("second_root", "the roots differ");
  return {};
}

}  // namespace vault::ctl
