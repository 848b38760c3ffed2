// The text of a file that holds one seal of the emergency mode, entries/<seal_id>.json:
// {"backend":"legacy","seal_id":...,"session_id":...,"authority":...,"verdict":...,"timestamp":...,"seal_data":{...}}
// Pure. These files are imported later, each under its own seal_id (store/legacy/record.hpp).
#pragma once

#include <string>
#include <string_view>

#include "ledger/kept_seal.hpp"
#include "ledger/raw_json.hpp"
#include "ledger/result.hpp"

namespace vault {

inline constexpr std::string_view emergency_backend = "legacy";

// One line, including its line end.
std::string format_emergency_file(const KeptSeal& seal);

// True if a JSON object claims to be such a file: its `backend` is "legacy" and it has a `seal_id`.
bool is_emergency_file(const RawJson& json);

// The payload becomes canonical text. Error: invalid_argument naming the member that is missing or wrong.
Result<KeptSeal> read_emergency_file(const RawJson& json);
Result<KeptSeal> parse_emergency_file(std::string_view text);

}  // namespace vault
