// The chain: every entry names the hash of the one before it.
#pragma once

#include "ledger/entry.hpp"

namespace vault {

// Fills prev_hash, data_hash and entry_hash of `entry`, whose other fields (salt and payload among them) are set, so
// that it follows `previous_hash`. Cost: one hash of the payload, one of the envelope.
void link_entry(Entry& entry, const Hash& previous_hash);

}  // namespace vault
