#include "ledger/printable.hpp"

#include <gtest/gtest.h>

namespace vault {
namespace {

TEST(Printable, WhatEndsLinesDrivesTerminalsOrTurnsTextAroundIsEscaped) {
  const std::pair<const char*, const char*> cases[] = {
      {"plain text, \\ and \" stay", "plain text, \\ and \" stay"},
      {"a\nb\tc\x1b[2J\x7f", "a\\u000ab\\u0009c\\u001b[2J\\u007f"},
      {"\u0080\u0085\u009b\u009f\u00a0", "\\u0080\\u0085\\u009b\\u009f\u00a0"},
      {"\u2027\u2028\u2029\u202a\u202e\u202f", "\u2027\\u2028\\u2029\\u202a\\u202e\u202f"},
      {"\u061c\u200d\u200e\u200f\u2065\u2066\u2069\u206a", "\\u061c\u200d\\u200e\\u200f\u2065\\u2066\\u2069\u206a"},
      {"\ufeff\U000e0001\U000e007f\U0001f469\u200d\U0001f680",
       "\\ufeff\\udb40\\udc01\\udb40\\udc7f\U0001f469\u200d\U0001f680"},
      {"\x9b"
       "31m \xc3( \xe2\x80 \xf8",
       "\\ufffd31m \\ufffd( \\ufffd\\ufffd \\ufffd"},
      {"\xed\xa0\x80 \xc0\xae", "\\ufffd\\ufffd\\ufffd \\ufffd\\ufffd"},
      {"", ""},
  };
  for (const auto& [text, shown] : cases) EXPECT_EQ(escape_unprintable(text), shown);
  EXPECT_EQ(escape_unprintable("a\nb\u2028c", true), "a\nb\\u2028c");
}

TEST(Printable, CodePointsAreWalkedWhole) {
  const std::string text = "a\u00e9\u20ac\U0001f600\xff";
  std::vector<char32_t> seen;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = code_point_at(text, at);
    seen.push_back(point.value);
    at += point.bytes;
  }
  EXPECT_EQ(seen, (std::vector<char32_t>{'a', 0xE9, 0x20AC, 0x1F600, 0xFFFD}));
}

}  // namespace
}  // namespace vault
