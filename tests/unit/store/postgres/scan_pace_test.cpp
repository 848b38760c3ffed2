#include <gtest/gtest.h>

#include "store/postgres/scan.hpp"

namespace vault {
namespace {

using std::chrono::milliseconds;

TEST(ScanPace, GrowsWhileRowsAreSmall) {
  ScanPace pace;
  std::int64_t asked = 0;
  for (int i = 0; i < 6; ++i) {
    asked = pace.rows();
    EXPECT_GE(asked, 1);
    pace.took(asked, static_cast<std::size_t>(asked) * 700, milliseconds(1));
  }
  EXPECT_EQ(asked, ScanPace::rows_max);
}

TEST(ScanPace, AsksForAFewMebibytes) {
  ScanPace pace;
  for (int i = 0; i < 5; ++i) pace.took(pace.rows(), static_cast<std::size_t>(pace.rows()) << 19, milliseconds(100));
  EXPECT_EQ(pace.rows(), 4);
  pace.took(4, std::size_t{4} * 49'000'000, milliseconds(1'500));
  EXPECT_EQ(pace.rows(), 1);
  pace.took(1, std::size_t{1} << 19, milliseconds(30));
  EXPECT_EQ(pace.rows(), 4);
}

// 64 kB a second.
TEST(ScanPace, AsksForLessWhereTheWayIsSlow) {
  ScanPace pace;
  for (int i = 0; i < 5; ++i) {
    const auto bytes = static_cast<std::size_t>(pace.rows()) * 10'000;
    pace.took(pace.rows(), bytes, milliseconds(bytes / 64));
  }
  EXPECT_GE(pace.rows(), 20);
  EXPECT_LE(pace.rows(), 30);
}

TEST(ScanPace, HalvesWhatWasLate) {
  ScanPace pace;
  std::int64_t rows = pace.rows();
  while (rows > 1) {
    EXPECT_TRUE(pace.was_late());
    EXPECT_EQ(pace.rows(), rows / 2);
    rows /= 2;
  }
  EXPECT_FALSE(pace.was_late());
  EXPECT_EQ(pace.rows(), 1);
}

}  // namespace
}  // namespace vault
