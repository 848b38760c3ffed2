// Canonical JSON: RFC 8785 (JCS) with one extension, exact digits for integers beyond +-(2^53 - 1).
#pragma once

#include <string>
#include <string_view>

#include "ledger/json.hpp"
#include "ledger/result.hpp"

namespace vault {

// Appends the canonical text of the whole document: members sorted by UTF-16 code units (RFC 8785 section 3.2.3), no
// white space. The document must be complete and free of duplicate names (JsonBuilder sees to both).
// Cost: linear in the text, plus the sort of each object's members.
void append_canonical(const JsonDocument& document, std::string& out);

// Parse and print: the canonical text of a JSON text. Refuses what parse_json refuses, and a text over rules.bytes_max
// (too_large; the message names max_seal_bytes and its value).
Result<std::string> canonicalize(std::string_view json, const JsonRules& rules);

// One number as ECMAScript prints it (RFC 8785 section 3.2.2.3): "1e+21", "0.1", "0" for -0. Finite only.
void append_number(double value, std::string& out);

// One string with its quotes and RFC 8785 escapes; valid UTF-8 is expected.
void append_string(std::string_view text, std::string& out);

}  // namespace vault
