#include "wire/error.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace vault {
namespace {

TEST(ErrorNames, AreThoseOfTheProtocol) {
  const std::pair<ErrorCode, std::string_view> expected[] = {
      {ErrorCode::invalid_message, "invalid_message"},
      {ErrorCode::unsupported_version, "unsupported_version"},
      {ErrorCode::unknown_op, "unknown_op"},
      {ErrorCode::invalid_argument, "invalid_argument"},
      {ErrorCode::too_large, "too_large"},
      {ErrorCode::seal_id_conflict, "seal_id_conflict"},
      {ErrorCode::not_found, "not_found"},
      {ErrorCode::forbidden, "forbidden"},
      {ErrorCode::busy, "busy"},
      {ErrorCode::unavailable, "unavailable"},
      {ErrorCode::deadline_exceeded, "deadline_exceeded"},
      {ErrorCode::internal, "internal"},
  };
  for (const auto& [code, name] : expected) {
    EXPECT_EQ(error_name(code), name);
    EXPECT_EQ(parse_error_name(name), code);
  }
}

TEST(ErrorNames, OthersAreUnknown) {
  EXPECT_FALSE(parse_error_name(""));
  EXPECT_FALSE(parse_error_name("Internal"));
}

TEST(ErrorNames, ThreeAreRetryable) {
  std::set<std::string> retryable;
  for (int code = 0; code <= static_cast<int>(ErrorCode::internal); ++code) {
    if (is_retryable(static_cast<ErrorCode>(code))) retryable.emplace(error_name(static_cast<ErrorCode>(code)));
  }
  EXPECT_EQ(retryable, (std::set<std::string>{"busy", "deadline_exceeded", "unavailable"}));
}

}  // namespace
}  // namespace vault
