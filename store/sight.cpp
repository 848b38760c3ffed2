#include "store/sight.hpp"

namespace vault {

Result<Sight> sight_of(Snapshot& snapshot, std::int64_t size, std::int64_t* head) {
  const auto stored = snapshot.head();
  if (!stored && stored.error().code != ErrorCode::not_found) return tl::unexpected(stored.error());
  const std::int64_t last = stored ? stored->sequence : 0;
  if (head != nullptr) *head = last;
  if (last >= size) return Sight::reached;
  const auto replica = snapshot.is_replica();
  if (!replica) return tl::unexpected(replica.error());
  return *replica ? Sight::lagging : Sight::missing;
}

}  // namespace vault
