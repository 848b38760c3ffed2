#include "tools/common/times.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

namespace vault::ctl {
namespace {

constexpr Timestamp now{1'795'876'205'123'456};  // 2026-11-28T14:30:05.123456Z, a Saturday

class Times : public testing::Test {
 protected:
  void SetUp() override { in_zone("UTC0"); }
  void TearDown() override { in_zone("UTC0"); }
  // A complete rule, so that no time zone database is needed.
  static void in_zone(const char* zone) {
    ::setenv("TZ", zone, 1);
    ::tzset();
  }
  static std::string at(const char* text) {
    const auto time = parse_time(text, now);
    return time ? format_timestamp(*time) : "none";
  }
};

TEST_F(Times, TheLedgersOwnForm) {
  EXPECT_EQ(at("2026-11-28T14:30:05.123456Z"), "2026-11-28T14:30:05.123456Z");
  EXPECT_EQ(format_timestamp(now), "2026-11-28T14:30:05.123456Z");
}

TEST_F(Times, Iso8601) {
  for (const char* text :
       {"2026-11-28T14:30:05Z", "2026-11-28T14:30:05+00:00", "2026-11-28 14:30:05", "2026-11-28t14:30:05",
        "2026-11-28T15:30:05+01:00", "2026-11-28T15:30:05+0100", "2026-11-28T15:30:05+01", "2026-11-28T09:00:05-05:30",
        "20261128T143005Z", "2026-332T14:30:05", "2026332T143005", "2026-W48-6T14:30:05", "2026W486T143005",
        "2026-11-28 14:30:05 +00:00", "2026-11-28T14:30:05.000000Z", "2026-11-28T14:30:05,0Z"}) {
    EXPECT_EQ(at(text), "2026-11-28T14:30:05.000000Z") << text;
  }
  EXPECT_EQ(at("2026-11-28"), "2026-11-28T00:00:00.000000Z");
  EXPECT_EQ(at("20261128"), "2026-11-28T00:00:00.000000Z");
  EXPECT_EQ(at("2026-W48"), "2026-11-23T00:00:00.000000Z");
  EXPECT_EQ(at("2026-W53-4"), "2026-12-31T00:00:00.000000Z");
  EXPECT_EQ(at("2025-W01-1"), "2024-12-30T00:00:00.000000Z");
  EXPECT_EQ(at("2024-366"), "2024-12-31T00:00:00.000000Z");
  EXPECT_EQ(at("2026-11-28T14"), "2026-11-28T14:00:00.000000Z");
  EXPECT_EQ(at("2026-11-28T14:30"), "2026-11-28T14:30:00.000000Z");
  EXPECT_EQ(at("2026-11-28T24:00"), "2026-11-29T00:00:00.000000Z");
  EXPECT_EQ(at("2026-11-28T14:30:05.1234567899Z"), "2026-11-28T14:30:05.123456Z");
  EXPECT_EQ(at("2026-11-28T14:30:05.1Z"), "2026-11-28T14:30:05.100000Z");
}

TEST_F(Times, WithoutAZoneUtcWhereThatIsAskedFor) {
  in_zone("EET-2");
  const auto utc = [](const char* text) { return format_timestamp(parse_time(text, now, Zone::utc).value()); };
  EXPECT_EQ(at("2026-11-28"), "2026-11-27T22:00:00.000000Z");
  EXPECT_EQ(utc("2026-11-28"), "2026-11-28T00:00:00.000000Z");
  EXPECT_EQ(utc("2026-11-28T14:30"), "2026-11-28T14:30:00.000000Z");
  EXPECT_EQ(utc("2026-11-28T14:30+01:00"), "2026-11-28T13:30:00.000000Z");
  EXPECT_EQ(utc("yesterday"), "2026-11-27T00:00:00.000000Z");
  EXPECT_EQ(utc("-1h"), "2026-11-28T13:30:05.123456Z");
}

TEST_F(Times, InLocalTimeForPeople) {
  EXPECT_EQ(format_local(now), "2026-11-28T14:30:05.123456+00:00");
  in_zone("IST-5:30");
  EXPECT_EQ(format_local(now), "2026-11-28T20:00:05.123456+05:30");
  EXPECT_EQ(parse_time(format_local(now), now), now);
  in_zone("NST3:30");
  EXPECT_EQ(format_local(now), "2026-11-28T11:00:05.123456-03:30");
}

TEST_F(Times, InWords) {
  EXPECT_EQ(at("now"), "2026-11-28T14:30:05.123456Z");
  EXPECT_EQ(at("today"), "2026-11-28T00:00:00.000000Z");
  EXPECT_EQ(at("yesterday"), "2026-11-27T00:00:00.000000Z");
  EXPECT_EQ(at("tomorrow"), "2026-11-29T00:00:00.000000Z");
  EXPECT_EQ(at("-1h"), "2026-11-28T13:30:05.123456Z");
  EXPECT_EQ(at("-2d12h"), "2026-11-26T02:30:05.123456Z");
  EXPECT_EQ(at("3 days ago"), "2026-11-25T14:30:05.123456Z");
  EXPECT_EQ(at("-90y"), "none");
}

TEST_F(Times, WithoutAZoneItIsLocal) {
  in_zone("CET-1CEST,M3.5.0,M10.5.0/3");
  EXPECT_EQ(at("2026-11-28"), "2026-11-27T23:00:00.000000Z");
  EXPECT_EQ(at("2026-07-28 14:30"), "2026-07-28T12:30:00.000000Z");
  EXPECT_EQ(at("yesterday"), "2026-11-26T23:00:00.000000Z");
  EXPECT_EQ(at("2026-07-28T14:30Z"), "2026-07-28T14:30:00.000000Z");
  in_zone("XYZ+10");
  EXPECT_EQ(at("today"), "2026-11-28T10:00:00.000000Z");
}

TEST_F(Times, WhatIsNoTime) {
  for (const char* text : {"",
                           "soon",
                           "-",
                           "-1",
                           "1h",
                           " ago",
                           "2026",
                           "2026-11",
                           "2026-13-01",
                           "2026-02-30",
                           "2026-00-10",
                           "2026-11-28T",
                           "2026-11-28T25:00",
                           "2026-11-28T24:01",
                           "2026-11-28T14:60",
                           "2026-11-28T14:30:60",
                           "2026-11-28T14:30:05.Z",
                           "2026-11-28T14:30Zx",
                           "2026-11-28T14:30+1",
                           "2026-11-28T14:30+19:00",
                           "2026-11-28x",
                           "2026-366",
                           "2026-000",
                           "2026-W54-1",
                           "2025-W53-1",
                           "2026-W48-8",
                           "1969-12-31",
                           "28.11.2026",
                           "11/28/2026",
                           "2026-11-28T14:3",
                           "٢٠٢٦-11-28"}) {
    EXPECT_EQ(at(text), "none") << text;
  }
}

}  // namespace
}  // namespace vault::ctl
