// JSON as Python's json.dumps prints it: the text that the old programs hashed.
#pragma once

#include <string>
#include <string_view>

#include "ledger/raw_json.hpp"

namespace vault {

// The output of json.dumps(object, sort_keys=True) for the top-level object without its member `without`: names by code
// point, ", " and ": " between, non-ASCII escaped; number literals as written.
std::string python_text(const RawJson& json, std::string_view without);
// The output of json.dumps(value, sort_keys=True, separators=(",", ":")) for one value of `json`.
std::string python_compact(const RawJson& json, const RawJson::Node& node);
// A string as Python prints it in either form, quotation marks included. `characters` may hold lone surrogates as in
// RawJson::characters().
std::string python_string(std::string_view characters);

}  // namespace vault
