// An entry of the ledger or a seal kept by the emergency mode, for output that may show either.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "ledger/kept_seal.hpp"

namespace vault::ctl {

// The members that both have. A view: the object it was made from must outlive it.
struct EntryView {
  // NOLINTBEGIN(google-explicit-constructor): either converts to its view
  EntryView(const Entry& entry);
  EntryView(const KeptSeal& seal);
  EntryView(const AnyEntry& entry);
  // NOLINTEND(google-explicit-constructor)

  std::string_view session_id;
  Uuid seal_id;
  Timestamp timestamp;
  std::string_view authority;
  Verdict verdict = Verdict::seal;
  std::optional<std::string_view> seal_data;
  const Entry* sealed = nullptr;  // for members that only an entry has; nullptr: kept, and not in the chain yet
};

struct PageView {
  explicit PageView(const AnyPage& page);

  std::vector<EntryView> entries;
  std::optional<std::int64_t> next_cursor;
};

}  // namespace vault::ctl
