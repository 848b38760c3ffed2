// Error codes as peers see them (docs/protocol.md, "Errors").
#pragma once

#include <optional>
#include <string_view>

#include "ledger/result.hpp"

namespace vault {

std::string_view error_name(ErrorCode code);
std::optional<ErrorCode> parse_error_name(std::string_view name);
// True if the same request may succeed later: busy, unavailable, deadline_exceeded.
bool is_retryable(ErrorCode code);

}  // namespace vault
