// Entries, receipts and seals from JSON text, read by the ledger's own parser: duplicate names are refused and no
// integer is rounded, so that what is checked is what the file says.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ledger/entry.hpp"
#include "ledger/receipt.hpp"
#include "ledger/result.hpp"
#include "wire/client/client.hpp"

namespace vault::ctl {

// The members of a JSON object, each value as its text. seal_data, entry and seals are not yet checked to be JSON: they
// are parsed separately. Error: invalid_argument (not an object, a duplicate name, not JSON).
class JsonObject {
 public:
  static Result<JsonObject> split(std::string_view text);

  bool has(std::string_view name) const { return find(name) != nullptr; }
  // True if the member is missing or null.
  bool is_null(std::string_view name) const;
  const std::string* find(std::string_view name) const;  // the value's text
  // The first name that is neither in `known` nor to be ignored ("x-…"); nullptr if there is none.
  const std::string* other_than(std::span<const std::string_view> known) const;
  // Error: invalid_argument with `field`, if missing or of another kind.
  Result<std::string> string(std::string_view name) const;
  Result<std::int64_t> integer(std::string_view name) const;
  Result<std::vector<std::string>> strings(std::string_view name) const;

 private:
  std::vector<std::pair<std::string, std::string>> members_;
};

// The elements of a JSON array as texts, not yet checked to be JSON; views into `text`. Error: invalid_argument (not an
// array).
Result<std::vector<std::string_view>> split_json_array(std::string_view text);

// An entry map, or a map {"entry": {...}} as printed by `vaultctl read --json`. The payload becomes canonical text; the
// file's hashes are taken over unchecked. `has_root`: whether it holds a merkle_root. Errors: invalid_argument with
// `field`.
struct EntryText {
  Entry entry;
  bool has_data_hash = false;
  bool has_entry_hash = false;
  bool has_merkle_root = false;
};
Result<EntryText> parse_entry_json(std::string_view text);

// A receipt map; `proof` is set if it was signed. merkle_root and data_hash are required.
Result<Receipt> parse_receipt_json(std::string_view text);

// A seal as read by `vaultctl seal --batch`, one object per line. Refuses unknown members, as vaultd would.
Result<SealDraft> parse_seal_json(std::string_view text);

}  // namespace vault::ctl
