#include "store/legacy/chain.hpp"

#include <fmt/format.h>

namespace vault {

LegacyLinks LegacyChain::take(const LegacyRow& row, const LegacyRowHash& hash) {
  LegacyLinks out;
  const bool first = tree_.size() == 0;
  out.chain_valid = row.prev_hash == last_;
  if (!out.chain_valid) {
    out.complaint = first ? "its prev_hash is not 64 zeros, so that it was not the first row"
                          : fmt::format(
                                "its prev_hash is not the entry_hash of the row before it ({}): one of the two "
                                "was changed, or rows between them are gone",
                                last_sequence_);
  }
  out.root_valid = follow(row, hash, out.chain_valid);
  if (!out.root_valid && root_was_valid_) {
    out.complaint += out.complaint.empty() ? "" : "; ";
    out.complaint += "its merkle_root is not the root of the rows up to it";
  }
  root_was_valid_ = out.root_valid;
  last_sequence_ = row.sequence;
  return out;
}

// Adds the row to the tree, by the hash that makes its root fit. False if none does.
bool LegacyChain::follow(const LegacyRow& row, const LegacyRowHash& hash, bool chain_valid) {
  const std::string stored = row.entry_hash.value_or("");
  const auto fits = [&row](const LegacyTree& tree, const std::string& leaf) {
    // Two roots are known for a single row: the leaf, and the leaf paired with itself.
    const std::string root = tree.root_with(leaf);
    if (root == row.merkle_root) return true;
    LegacyTree alone = tree;
    return tree.size() == 0 && (alone.push(leaf), alone.root_with(leaf)) == row.merkle_root;
  };
  last_ = stored;
  bool fit = fits(tree_, stored);
  if (!fit && hash.outcome == LegacyHash::invalid && fits(tree_, hash.computed)) {
    fit = true;
    last_ = hash.computed;
  }
  if (!fit && !chain_valid && row.prev_hash) {
    LegacyTree with_lost = tree_;
    with_lost.push(*row.prev_hash);
    if (fits(with_lost, stored)) {
      fit = true;
      tree_ = std::move(with_lost);
    }
  }
  tree_.push(last_);
  return fit;
}

std::string LegacyChain::check_head(const std::optional<std::string>& hash,
                                    const std::optional<std::string>& root) const {
  const bool no_rows = tree_.size() == 0;
  const auto none = [no_rows](const std::optional<std::string>& text) { return no_rows && (!text || text->empty()); };
  if (!none(hash) && hash != last_) {
    return no_rows ? "it names a last row, and there are no rows"
                   : fmt::format(
                         "its hash is not the entry_hash of the last row ({}): rows after that are gone, or one "
                         "of the two was changed",
                         last_sequence_);
  }
  // If the rows' own roots do not fit, that has already been reported.
  if (!none(root) && root_was_valid_ && root != tree_.root() && tree_.size() != 1) {
    return "its merkle_root is not the root of the rows";
  }
  return {};
}

}  // namespace vault
