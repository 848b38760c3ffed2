// How far a snapshot sees. A reader's database may be a replica, whose snapshots are older than what the writer has
// told: whoever compares a snapshot with a size from elsewhere looks here first.
#pragma once

#include <cstdint>

#include "store/store.hpp"

namespace vault {

enum class Sight : std::uint8_t {
  reached,  // the snapshot's head is at the size or beyond it
  lagging,  // a replica that has not come so far: wait, or say `unavailable`; nothing is wrong with the ledger
  missing,  // no replica, and entries that were told of are not there. Once more, a moment later, before this is
            // believed
};

// Can `snapshot` see `size` entries? Where `head` is given, it is set to the snapshot's; no head at all counts as 0.
// Errors: as Snapshot::head(). Cost: one round trip, two where it cannot.
Result<Sight> sight_of(Snapshot& snapshot, std::int64_t size, std::int64_t* head = nullptr);

}  // namespace vault
