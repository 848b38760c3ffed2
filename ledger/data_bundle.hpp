// Data bundles, the third kind of file in an archive (docs/ledger-format.md, "Archive"): for each entry of an entry
// bundle its data_salt and payload, preceded by their length, or the length 0 where the payload has been erased.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "ledger/bytes.hpp"
#include "ledger/entry.hpp"
#include "ledger/result.hpp"

namespace vault {

// Appends data_salt || canonical text of the payload, preceded by their length as big-endian uint32; 0 where erased.
void append_data_record(const std::optional<Salt>& salt, std::string_view canonical, std::string& bundle);

// One record. Both fields are empty where the payload has been erased.
struct DataRecord {
  std::optional<Salt> salt;
  std::string_view seal_data;  // as stored: unchecked
};

// Takes the first record off the front of `bytes`, which may be only part of a bundle: nullopt if the record is not
// complete yet, and `bytes` stays as it is. The view points into what `bytes` pointed to.
// Error: invalid_argument for a length that no record has (1 to 17, or over the payload limit).
Result<std::optional<DataRecord>> take_data_record(std::string_view& bytes);

// Checks that the record is the one that `entry`, read from its leaf, commits to: the hash is right, and the text is
// canonical and within the rules for payloads. An erased record fits every entry. Error: invalid_argument.
Status check_data_record(const DataRecord& record, const Entry& entry);

}  // namespace vault
