// Whether an entry that somebody read says what was sealed: its hashes are recomputed from its members. A column that
// was changed in the database, or on the way, shows; a ledger that was rewritten consistently does not: that is what
// verification and checkpoints are for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ledger/entry.hpp"

namespace vault {

struct HashFaults {
  bool data_hash = false;   // is not that of payload and salt, or one of these is missing
  bool entry_hash = false;  // is not that of the envelope
  bool prev_hash = false;   // is not the entry_hash of the entry before, which was read next to this one

  bool any() const { return data_hash || entry_hash || prev_hash; }
  // The member to name first: "data_hash", "entry_hash", "prev_hash", or "".
  std::string_view first() const;
};

// Takes entries in the order in which they are shown. Neighbours in the ledger, in either order, are also checked to be
// linked.
class HashChecker {
 public:
  // An erased entry is checked as far as it goes. One of the emergency mode has no hashes yet, and always fits.
  // Cost: the hash of the payload and of about 500 bytes.
  HashFaults check(const Entry& entry);

 private:
  struct Neighbour {
    std::int64_t sequence = 0;
    Hash entry_hash{}, prev_hash{};
  };
  std::optional<Neighbour> last_;
};

// "entry 1550: hash DOES NOT FIT: entry_hash is not that of its members". For people.
std::string describe(const Entry& entry, const HashFaults& faults);

}  // namespace vault
