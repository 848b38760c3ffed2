#include "tools/common/display_width.hpp"

#include <gtest/gtest.h>

namespace vault::ctl {
namespace {

TEST(DisplayWidth, WhatTerminalsDraw) {
  EXPECT_EQ(display_width(""), 0U);
  EXPECT_EQ(display_width("plain"), 5U);
  EXPECT_EQ(display_width("naïve"), 5U);
  EXPECT_EQ(display_width("nai\u0308ve"), 5U);    // a combining mark
  EXPECT_EQ(display_width("e\u0323\u0302"), 1U);  // two
  EXPECT_EQ(display_width("\u0E01\u0E34"), 1U);   // Thai: beyond U+036F
  EXPECT_EQ(display_width("監査"), 4U);
  EXPECT_EQ(display_width("한글"), 4U);
  EXPECT_EQ(display_width("👍"), 2U);
  EXPECT_EQ(display_width("👍🏽"), 2U);                   // with a skin tone
  EXPECT_EQ(display_width("👨‍👩‍👧‍👦"), 2U);  // a family: four pictures joined
  EXPECT_EQ(display_width("❤️"), 2U);                     // drawn as a picture
  EXPECT_EQ(display_width("🇩🇪🇫🇷"), 4U);                       // two flags
  EXPECT_EQ(display_width("\xFF\xFE"), 2U);                   // broken: a sign each
}

TEST(DisplayWidth, CutAtTheEnd) {
  EXPECT_EQ(cut_to_columns("session-1", 9), "session-1");
  EXPECT_EQ(cut_to_columns("session-1", 8), "session…");
  EXPECT_EQ(cut_to_columns("監査ログ", 6), "監査…");
  EXPECT_EQ(cut_to_columns("監査ログ", 7), "監査ロ…");
  EXPECT_EQ(cut_to_columns("abc", 1), "…");
}

TEST(DisplayWidth, CutInTheMiddleKeepsTheTellingEnd) {
  const std::string id = "00000000-0000-4000-8000-000000000042";
  EXPECT_EQ(cut_middle(id, 36), id);
  EXPECT_EQ(cut_middle(id, 12), "00000…000042");
  EXPECT_EQ(cut_middle("abcdef", 1), "…");
  EXPECT_EQ(cut_middle("👨‍👩‍👧‍👦👨‍👩‍👧‍👦👨‍👩‍👧‍👦", 5),
            "👨‍👩‍👧‍👦…👨‍👩‍👧‍👦");
  for (std::size_t columns = 1; columns < 40; ++columns) {
    EXPECT_LE(display_width(cut_middle("監査-" + id, columns)), columns);
    EXPECT_LE(display_width(cut_to_columns("監査-" + id, columns)), columns);
  }
}

}  // namespace
}  // namespace vault::ctl
