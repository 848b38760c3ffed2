// Canonical JSON: RFC 8785 (JCS) with one extension, exact digits for integers beyond +-(2^53 - 1).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "ledger/json.hpp"
#include "ledger/result.hpp"

namespace vault {

// Appends the canonical text of the whole document: members sorted by UTF-16 code units (RFC 8785 section 3.2.3), no
// white space. The document must be complete and free of duplicate names (JsonBuilder ensures both).
// Cost: linear in the text, plus the sort of each object's members.
// Returns the total size of the document's numbers as PostgreSQL's jsonb gives them back, which writes them without
// exponents: 326 bytes for 5e-324.
std::size_t append_canonical(const JsonDocument& document, std::string& out);

// The same, bounded by rules.bytes_max, and by rules.bound_numbers where that is set. `out` is filled even after a
// refusal. Error: too_large; the message names max_seal_bytes and its value.
Status append_bounded(const JsonDocument& document, const JsonRules& rules, std::string& out);

// Parses and prints: the canonical text of a JSON text. Refuses whatever parse_json and append_bounded refuse.
Result<std::string> canonicalize(std::string_view json, const JsonRules& rules);

// One number as ECMAScript prints it (RFC 8785 section 3.2.2.3): "1e+21", "0.1", "0" for -0. Finite only. Returns the
// size of the number once jsonb has written it out without an exponent.
std::size_t append_number(double value, std::string& out);

// One string with its quotes and RFC 8785 escapes; valid UTF-8 is expected.
void append_string(std::string_view text, std::string& out);

}  // namespace vault
