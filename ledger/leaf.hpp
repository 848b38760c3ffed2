// Reads the envelope back out of leaf_data, for users of archives, which hold leaves and no rows.
#pragma once

#include <string_view>

#include "ledger/entry.hpp"
#include "ledger/result.hpp"

namespace vault {

// The entry that a leaf describes: everything in the envelope, and entry_hash, which is the hash of these bytes.
// Payload, salt and merkle_root are not in a leaf and stay unset.
// Error: invalid_argument saying what is wrong; leaf_data in any form other than that of append_leaf_data() is refused.
Result<Entry> parse_leaf_data(std::string_view leaf_data);

// Checks that `entry` follows an entry with that hash and timestamp, and has that sequence. Error: invalid_argument
// saying what does not fit. For sequence 1, `previous` is 64 zeros and any timestamp will do.
Status check_follows(const Entry& entry, std::int64_t sequence, const Hash& previous, Timestamp previous_timestamp);

}  // namespace vault
