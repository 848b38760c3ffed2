// Timestamps as foreign programs wrote them: Unix seconds and the many spellings of ISO 8601.
#pragma once

#include <optional>
#include <string_view>

#include "ledger/timestamp.hpp"

namespace vault {

// The instant in a member: Unix seconds, or ISO 8601 (without an offset: taken as UTC); nullopt if it holds none.
// `json` is the value's text.
std::optional<Timestamp> raw_time(std::string_view json);

}  // namespace vault
