#include "tools/mcp/lines.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace vault::mcp {
namespace {

using testing::ElementsAre;

std::vector<std::string> split(const std::string& input, std::size_t piece, std::size_t bytes_max) {
  LineSplitter splitter(bytes_max);
  std::vector<std::string> out;
  const auto keep = [&](const LineSplitter::Line& line) { out.push_back(line.too_long ? "(long)" : line.text); };
  for (std::size_t at = 0; at < input.size(); at += piece) {
    splitter.feed(std::string_view(input).substr(at, piece));
    while (const auto line = splitter.next()) keep(*line);
  }
  if (const auto line = splitter.rest()) keep(*line);
  return out;
}

TEST(McpLines, WhateverThePiecesTheLinesAreTheSame) {
  const std::string long_line(11, 'x');
  const std::string input = "a\n\nbc\r\n" + long_line + "\n0123456789\n" + long_line + long_line + "\nend";
  for (std::size_t piece = 1; piece <= input.size(); ++piece) {
    EXPECT_THAT(split(input, piece, 10), ElementsAre("a", "", "bc\r", "(long)", "0123456789", "(long)", "end"))
        << piece;
  }
  EXPECT_THAT(split("", 1, 10), ElementsAre());
  EXPECT_THAT(split("a\n", 1, 10), ElementsAre("a"));
  EXPECT_THAT(split(long_line, 1, 10), ElementsAre("(long)"));
  EXPECT_THAT(split(std::string(1'000, 'y') + "\nz\n", 7, 10), ElementsAre("(long)", "z"));
}

}  // namespace
}  // namespace vault::mcp
