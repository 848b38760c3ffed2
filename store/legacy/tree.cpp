#include "store/legacy/tree.hpp"

#include "ledger/bytes.hpp"
#include "ledger/sha256.hpp"

namespace vault {
namespace {

std::string pair(const std::string& left, const std::string& right) {
  return to_hex(sha256(left + right));
}

}  // namespace

LegacyTree::LegacyTree() : root_(to_hex(sha256("EMPTY_LEDGER"))) {}

// The last node of each level is the new leaf's; the nodes before it on that level are complete. With an odd number of
// nodes on the level, it has no partner.
std::string LegacyTree::root_with(std::string_view leaf) const {
  std::string last(leaf);
  for (std::size_t level = 0; size_ >> level > 0; ++level) {
    const bool has_left = (size_ >> level & 1) != 0;
    last = pair(has_left ? left_[level] : last, last);
  }
  return last;
}

void LegacyTree::push(std::string_view leaf) {
  root_ = root_with(leaf);
  std::string whole(leaf);
  std::size_t level = 0;
  for (; (size_ >> level & 1) != 0; ++level) whole = pair(left_[level], whole);
  if (level == left_.size()) left_.emplace_back();
  left_[level] = std::move(whole);
  ++size_;
}

}  // namespace vault
