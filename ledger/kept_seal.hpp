// The emergency mode's counterparts of entries, receipts and pages (docs/legacy.md), and types that hold either kind.
//
// A vaultd without its database keeps seals as files. A kept seal is durable but not part of a chain: it has no
// sequence, no salt, no hash, and no proof. It becomes an entry when it is imported, under its own seal_id. One vaultd
// is in one of the two modes at a time, so an answer belongs entirely to the ledger or entirely to the emergency mode.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "ledger/page.hpp"
#include "ledger/receipt.hpp"

namespace vault {

struct KeptSeal {
  std::string session_id;
  Uuid seal_id;
  Timestamp timestamp;  // when it was kept; unique within one process
  std::string authority;
  Verdict verdict = Verdict::seal;
  std::optional<std::string> seal_data;  // canonical text; nullopt in a receipt

  friend bool operator==(const KeptSeal&, const KeptSeal&) = default;
};

// Like same_content() for an entry.
bool same_content(const KeptSeal& kept, const Seal& seal);

struct KeptReceipt {
  KeptSeal seal;           // without seal_data
  bool duplicate = false;  // the seal_id was kept already, with the same content

  friend bool operator==(const KeptReceipt&, const KeptReceipt&) = default;
};

struct KeptPage {
  std::vector<KeptSeal> seals;              // in order of timestamps
  std::optional<std::int64_t> next_cursor;  // a timestamp in microseconds, since there is no sequence; nullopt: done

  friend bool operator==(const KeptPage&, const KeptPage&) = default;
};

// --- Either kind: what a client receives, since it does not choose the mode -----------------------------------------

using AnyEntry = std::variant<Entry, KeptSeal>;
using AnyReceipt = std::variant<Receipt, KeptReceipt>;
using AnyReceipts = std::variant<std::vector<Receipt>, std::vector<KeptReceipt>>;
using AnyPage = std::variant<Page, KeptPage>;  // an empty one is a Page

bool is_duplicate(const AnyReceipt& receipt);

// For callers that can do nothing without the chain: `client.list_entries().and_then(of_ledger)` is a Result<Page>.
// Error: `unavailable` if the answer is the emergency mode's. A receipt that is refused here is durable nonetheless.
struct OfLedger {
  template <class Sealed, class Kept>
  Result<Sealed> operator()(std::variant<Sealed, Kept> either) const {
    if (auto* sealed = std::get_if<Sealed>(&either)) return std::move(*sealed);
    return fail(ErrorCode::unavailable, "it is kept by the emergency mode, and not in the chain yet");
  }
};
inline constexpr OfLedger of_ledger;

}  // namespace vault
