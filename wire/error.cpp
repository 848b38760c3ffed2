#include "wire/error.hpp"

#include <array>
#include <cstddef>

#include "ledger/check.hpp"

namespace vault {
namespace {

// In the order of ErrorCode.
constexpr std::array<std::string_view, 12> names = {
    "invalid_message", "unsupported_version", "unknown_op", "invalid_argument", "too_large",         "seal_id_conflict",
    "not_found",       "forbidden",           "busy",       "unavailable",      "deadline_exceeded", "internal",
};
static_assert(names.size() == static_cast<std::size_t>(ErrorCode::internal) + 1);

}  // namespace

std::string_view error_name(ErrorCode code) {
  const auto index = static_cast<std::size_t>(code);
  VAULT_CHECK(index < names.size());
  return names[index];
}

std::optional<ErrorCode> parse_error_name(std::string_view name) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) return static_cast<ErrorCode>(i);
  }
  return std::nullopt;
}

bool is_retryable(ErrorCode code) {
  return code == ErrorCode::busy || code == ErrorCode::unavailable || code == ErrorCode::deadline_exceeded;
}

}  // namespace vault
