// The chain and the tree of the old Python service's ledger, followed row by row: checks rows against each other and
// against the table's head. Its sequence numbers come from a SERIAL: gaps in them mean nothing.
//
// One damaged row must not make all later rows look damaged. So if a row's hash is wrong, the tree is continued with
// whichever makes the next root fit: the hash as stored, the recomputed one, or both the row's prev_hash (of a missing
// row) and its own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "store/legacy/row.hpp"
#include "store/legacy/tree.hpp"

namespace vault {

class LegacyChain {
 public:
  // Takes the next row, in order of the sequence. Of consecutive rows whose roots do not fit, only the first is
  // reported. Cost: about two hashes per level of the tree.
  LegacyLinks take(const LegacyRow& row, const LegacyRowHash& hash);

  // Describes what is wrong with the table's head after the last row; "" if it fits. nullopt: NULL, as before the first
  // row.
  std::string check_head(const std::optional<std::string>& hash, const std::optional<std::string>& root) const;

 private:
  bool follow(const LegacyRow& row, const LegacyRowHash& hash, bool chain_valid);

  LegacyTree tree_;
  std::string last_ = std::string(64, '0');  // the hash that the next row should refer to
  std::int64_t last_sequence_ = 0;
  bool root_was_valid_ = true;
};

}  // namespace vault
