// The chain and the tree of the old Python service's ledger, followed row by row: what rows say of each other, and what
// the table's head says of them. Its sequence numbers come from a SERIAL: gaps in them mean nothing.
//
// One damaged row must not make all after it look damaged. So where a row's hash is not what it should be, that one is
// followed with which the next root fits: the hash as stored, the recomputed one, or both the row's prev_hash (of a row
// that is gone) and its own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "store/legacy/row.hpp"
#include "store/legacy/tree.hpp"

namespace vault {

class LegacyChain {
 public:
  // Takes the next row, in the order of the sequence. Of rows whose roots do not fit, one after the other, the first is
  // complained of. Cost: about two hashes a level of the tree.
  LegacyLinks take(const LegacyRow& row, const LegacyRowHash& hash);

  // What is wrong with the table's head after the last row; "" where it fits. nullopt: NULL, as before the first row.
  std::string check_head(const std::optional<std::string>& hash, const std::optional<std::string>& root) const;

 private:
  bool follow(const LegacyRow& row, const LegacyRowHash& hash, bool chain_valid);

  LegacyTree tree_;
  std::string last_ = std::string(64, '0');  // the hash that the next row should name
  std::int64_t last_sequence_ = 0;
  bool root_was_valid_ = true;
};

}  // namespace vault
