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
  // Payload and salt are gone. No erasure is defined, so nothing tells one from a payload that somebody took away.
  bool payload_missing = false;

  bool any() const { return data_hash || entry_hash || prev_hash || payload_missing; }
  // The member to name first: "data_hash", "entry_hash", "prev_hash", "seal_data", or "".
  std::string_view first() const;
};

enum class PayloadRule {
  expected,         // of what the database holds
  may_be_left_out,  // of an event: payloads are published only where vaultd is told to
};

// Takes entries in the order in which they are shown. Neighbours in the ledger, in either order, are also checked to be
// linked.
class HashChecker {
 public:
  // Cost: the hash of the payload and of about 500 bytes.
  HashFaults check(const Entry& entry, PayloadRule rule = PayloadRule::expected);

 private:
  struct Neighbour {
    std::int64_t sequence = 0;
    Hash entry_hash{}, prev_hash{};
  };
  std::optional<Neighbour> last_;
};

// "entry 1550: hash DOES NOT FIT: entry_hash is not that of its members", or "entry 1550: payload is missing and
// nothing explains it". For people.
std::string describe(const Entry& entry, const HashFaults& faults);

}  // namespace vault
