// The entry that announces a new log identity: vaultd's own seal, made once an operator has accepted that history which
// was signed is lost (docs/day-two.md). Authority "vaultd", session "vaultd/rollback", verdict 888_HOLD.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/entry.hpp"

namespace vault {

// A checkpoint that the accepted history does not continue. Kept as evidence of what was lost.
struct GivenUp {
  std::int64_t tree_size = 0;
  Hash root{};
  std::string note;
};

struct Announcement {
  std::int64_t accepted_sequence = 0;  // the head as it was accepted; the announcement is the entry after it
  Hash accepted_root{};
  std::int64_t lost_tree_size = 0;  // the largest tree signed or announced under the old identity
  std::vector<GivenUp> contradicted;
  std::string old_origin, new_origin;
};

// The seal_id of the announcement of `new_origin`, so that retries announce an identity only once. Reserved
// (reserved_names.hpp), so that no producer can take it first.
Uuid announcement_id(std::string_view new_origin);
// True if an entry of vaultd's own with this seal_id announces `new_origin`. Version 0.1.0 used UUIDv5 for these
// seal_ids.
bool is_announcement_of(const Uuid& seal_id, std::string_view new_origin);

// Includes the seal_id and the canonical payload.
Seal make_announcement(const Announcement& announcement);

}  // namespace vault
