// Checks that an entry read by a client still holds what was sealed, by recomputing its hashes from its members. This
// detects a column that was changed in the database or in transit, but not a ledger that was rewritten consistently:
// that takes verification and checkpoints.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ledger/entry.hpp"

namespace vault {

struct HashFaults {
  bool data_hash = false;   // does not match payload and salt, or one of these is missing
  bool entry_hash = false;  // does not match the envelope
  bool prev_hash = false;   // is not the entry_hash of the preceding entry, which was read next to this one
  // Payload and salt are gone. No erasure is defined, so an erasure cannot be told from a payload that was removed.
  bool payload_missing = false;

  bool any() const { return data_hash || entry_hash || prev_hash || payload_missing; }
  // The member to name first: "data_hash", "entry_hash", "prev_hash", "seal_data", or "".
  std::string_view first() const;
};

enum class PayloadRule {
  expected,         // of what the database holds
  may_be_left_out,  // of an event: payloads are published only if vaultd is configured to
};

// Takes entries in the order in which they are shown. Also checks that neighbours in the ledger, in either order, are
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
