#include "ledger/timestamp.hpp"

#include <gtest/gtest.h>

#include <ctime>
#include <random>

namespace vault {
namespace {

TEST(Timestamp, KnownInstants) {
  const std::pair<std::int64_t, const char*> cases[] = {
      {0, "1970-01-01T00:00:00.000000Z"},
      {-1, "1969-12-31T23:59:59.999999Z"},
      {951'782'400'000'001, "2000-02-29T00:00:00.000001Z"},
      {1'769'990'400'000'007, "2026-02-02T00:00:00.000007Z"},
      {-62'135'596'800'000'000, "0001-01-01T00:00:00.000000Z"},
      {253'402'300'799'999'999, "9999-12-31T23:59:59.999999Z"},
  };
  for (const auto& [micros, text] : cases) {
    EXPECT_EQ(format_timestamp({micros}), text);
    ASSERT_TRUE(parse_timestamp(text)) << text;
    EXPECT_EQ(parse_timestamp(text)->micros, micros);
  }
}

TEST(Timestamp, AgreesWithTheCLibrary) {
  std::mt19937_64 random(42);
  for (int i = 0; i < 20'000; ++i) {
    const auto seconds = static_cast<std::int64_t>(random() % 250'000'000'000ULL) - 60'000'000'000;
    const auto micros = static_cast<std::int64_t>(random() % 1'000'000);
    const std::time_t time = seconds;
    std::tm parts{};
    ASSERT_NE(gmtime_r(&time, &parts), nullptr);
    char expected[64];
    std::snprintf(expected, sizeof expected, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", parts.tm_year + 1900,
                  parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, static_cast<int>(micros));
    const Timestamp instant{seconds * 1'000'000 + micros};
    ASSERT_EQ(format_timestamp(instant), expected);
    ASSERT_EQ(parse_timestamp(expected), instant);
  }
}

TEST(Timestamp, RefusesEveryOtherForm) {
  for (const char* text : {
           "",
           "2026-02-02T00:00:00Z",
           "2026-02-02T00:00:00.00000Z",
           "2026-02-02T00:00:00.0000000Z",
           "2026-02-02t00:00:00.000000Z",
           "2026-02-02T00:00:00.000000z",
           "2026-02-02 00:00:00.000000Z",
           "2026-02-02T00:00:00,000000Z",
           "2026-02-02T00:00:00.000000+",
           "2026/02-02T00:00:00.000000Z",
           "2026-02-02T00:00:00.00000aZ",
           "-026-02-02T00:00:00.000000Z",
           "2026-00-02T00:00:00.000000Z",
           "2026-13-02T00:00:00.000000Z",
           "2026-02-00T00:00:00.000000Z",
           "2026-02-29T00:00:00.000000Z",
           "1900-02-29T00:00:00.000000Z",
           "2026-04-31T00:00:00.000000Z",
           "2026-02-02T24:00:00.000000Z",
           "2026-02-02T00:60:00.000000Z",
           "2026-06-30T23:59:60.000000Z",
           "0000-01-01T00:00:00.000000Z",
       }) {
    EXPECT_EQ(parse_timestamp(text), std::nullopt) << text;
  }
}

TEST(Timestamp, InstantsOutOfRangePrintAsNoDate) {
  const char* const no_date = "0000-00-00T00:00:00.000000Z";
  EXPECT_EQ(format_timestamp({253'402'300'800'000'000}), no_date);
  EXPECT_EQ(format_timestamp({-62'135'596'800'000'001}), no_date);
  EXPECT_EQ(format_timestamp({INT64_MAX}), no_date);
  EXPECT_EQ(format_timestamp({INT64_MIN}), no_date);
  EXPECT_EQ(parse_timestamp(no_date), std::nullopt);
}

}  // namespace
}  // namespace vault
