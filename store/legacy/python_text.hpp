// JSON as Python's json.dumps prints it: the text over which the old programs took their hashes.
#pragma once

#include <string>
#include <string_view>

#include "ledger/raw_json.hpp"

namespace vault {

// What json.dumps(object, sort_keys=True) prints of the top-level object without its member `without`: names by code
// point, ", " and ": " between, non-ASCII escaped; number literals as they are written.
std::string python_text(const RawJson& json, std::string_view without);
// What json.dumps(value, sort_keys=True, separators=(",", ":")) prints of one value of `json`.
std::string python_compact(const RawJson& json, const RawJson::Node& node);
// A string as Python prints it in either, quotation marks included. `characters` may hold lone surrogates as
// RawJson::characters() gives them.
std::string python_string(std::string_view characters);

}  // namespace vault
