// Leaves read back: the envelope out of its leaf_data, for whoever holds leaves and no rows (archives).
#pragma once

#include <string_view>

#include "ledger/entry.hpp"
#include "ledger/result.hpp"

namespace vault {

// The entry that a leaf is about: everything that the envelope holds, and entry_hash, which is the hash of these bytes.
// Payload, salt and merkle_root are not in a leaf and stay unset.
// Error: invalid_argument saying what is wrong; leaf_data in any form but the one that append_leaf_data() writes is
// refused.
Result<Entry> parse_leaf_data(std::string_view leaf_data);

// `entry` follows an entry of that hash and timestamp, and has that sequence. Error: invalid_argument saying what does
// not fit. For sequence 1, `previous` is 64 zeros and any timestamp is good.
Status check_follows(const Entry& entry, std::int64_t sequence, const Hash& previous, Timestamp previous_timestamp);

}  // namespace vault
