// How much of the ledger a snapshot sees. A reader's database may be a replica, whose snapshots are older than what the
// writer has reported: check here before comparing a snapshot with a size from elsewhere.
#pragma once

#include <cstdint>

#include "store/store.hpp"

namespace vault {

enum class Sight : std::uint8_t {
  reached,  // the snapshot's head is at the size or beyond it
  lagging,  // a replica that is not that far yet: wait, or answer `unavailable`; nothing is wrong with the ledger
  missing,  // not a replica, and reported entries are not there. Check again a moment later before believing it
};

// Whether `snapshot` sees `size` entries. `head`, if given, is set to the snapshot's head; no head at all counts as 0.
// Errors: those of Snapshot::head(). Cost: one round trip, two if it does not.
Result<Sight> sight_of(Snapshot& snapshot, std::int64_t size, std::int64_t* head = nullptr);

}  // namespace vault
