#include "ledger/quantity.hpp"

#include <gtest/gtest.h>

namespace vault {
namespace {

std::int64_t ms(const char* text) {
  const auto duration = parse_duration(text);
  return duration ? duration->count() : -1;
}

TEST(Quantity, DurationsAsPeopleWriteThem) {
  EXPECT_EQ(ms("250ms"), 250);
  EXPECT_EQ(ms("30s"), 30'000);
  EXPECT_EQ(ms("0s"), 0);
  EXPECT_EQ(ms("1.5h"), 5'400'000);
  EXPECT_EQ(ms("0.25s"), 250);
  EXPECT_EQ(ms("1h30m"), 5'400'000);
  EXPECT_EQ(ms("1m 1.5s"), 61'500);
  EXPECT_EQ(ms("90 min"), 5'400'000);
  EXPECT_EQ(ms("2 Days"), 172'800'000);
  EXPECT_EQ(ms("1w2d3h4m5s6ms"), 604'800'000 + 172'800'000 + 10'800'000 + 240'000 + 5'006);
  EXPECT_EQ(ms("365d"), std::int64_t{365} * 86'400'000);
  EXPECT_EQ(ms("36525d"), std::int64_t{36'525} * 86'400'000);
}

TEST(Quantity, DurationsAreWrittenAsTheyAreRead) {
  using std::chrono::milliseconds;
  EXPECT_EQ(format_duration(milliseconds(0)), "0ms");
  EXPECT_EQ(format_duration(milliseconds(1'500)), "1500ms");
  EXPECT_EQ(format_duration(milliseconds(30'000)), "30s");
  EXPECT_EQ(format_duration(milliseconds(5'400'000)), "5400s");
  EXPECT_EQ(format_duration(milliseconds(7'200'000)), "2h");
  for (const int count : {1, 999, 1'000, 61'000, 3'600'000}) {
    EXPECT_EQ(parse_duration(format_duration(milliseconds(count))), milliseconds(count));
  }
}

TEST(Quantity, ANumberAloneIsSecondsButNotOfAnAge) {
  EXPECT_EQ(ms("5"), 5'000);
  EXPECT_EQ(ms("0.3"), 300);
  EXPECT_EQ(ms("0"), 0);
  EXPECT_EQ(ms("3155760000"), std::int64_t{36'525} * 86'400'000);
  for (const char* text : {"5", "0.3", "0"}) EXPECT_FALSE(parse_age(text)) << text;
  EXPECT_EQ(parse_age("365d"), std::chrono::hours(365 * 24));
}

TEST(Quantity, WhatIsNoDuration) {
  for (const char* text :
       {"",     "3155760001", "1m5", "5.",    "s",    "-5s",  "+5s",     "5 s ", " 5s",    "5x",
        "5s5",  "1.h",        ".5h", "1..5h", "1h1h", "1m1h", "1.5h30m", "5e3s", "36526d", "9999999999999999999s",
        "0x5s", "5\ts",       "soon"}) {
    EXPECT_EQ(ms(text), -1) << text;
  }
}

TEST(Quantity, Sizes) {
  const auto size = [](const char* text) { return parse_size(text).value_or(-1); };
  EXPECT_EQ(size("0"), 0);
  EXPECT_EQ(size("4096"), 4'096);
  EXPECT_EQ(size("64KiB"), 65'536);
  EXPECT_EQ(size("256 MiB"), 268'435'456);
  EXPECT_EQ(size("1.5GiB"), 1'610'612'736);
  EXPECT_EQ(size("20MB"), 20'000'000);
  EXPECT_EQ(size("1kib"), 1'024);
  EXPECT_EQ(size("7B"), 7);
  for (const char* text : {"", "MiB", "-1", "1.5", "0.3KiB", "1 MiB ", "1MiB1KiB", "1M", "1QB", "99999999999TiB"}) {
    EXPECT_EQ(size(text), -1) << text;
  }
}

}  // namespace
}  // namespace vault
