#include "actors/audit_pace.hpp"

#include <gtest/gtest.h>

namespace vault {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class AuditPaceTest : public ::testing::Test {
 protected:
  // One step that verifies everything allowed.
  std::int64_t step(std::int64_t head, milliseconds after = seconds(1), milliseconds took = milliseconds(10)) {
    now_ += after;
    pace_.saw_head(head, now_);
    const std::int64_t allowed = pace_.allowed();
    pace_.verified(allowed, took);
    return allowed;
  }
  AuditPace pace_{2'000};
  AuditPace::Time now_{seconds(1'000)};
};

TEST_F(AuditPaceTest, WhereNothingGrowsTheRateIsTheOneThatWasSet) {
  for (int i = 0; i < 5; ++i) EXPECT_EQ(step(1'000), 2'000);
  EXPECT_EQ(pace_.pause(), seconds(1));
  EXPECT_EQ(step(1'000, seconds(60)), 2'000) << "what was not verified is not made up for";
}

TEST_F(AuditPaceTest, ABurstCostsNothingAtOnce) {
  std::int64_t head = 1'000, allowed = 0;
  step(head);
  for (int i = 0; i < 60; ++i) allowed += step(head += 50'000);
  EXPECT_LE(allowed, 60 * 2'000);
}

TEST_F(AuditPaceTest, ABurstIsCaughtUpWith) {
  step(0);
  constexpr std::int64_t burst = 30'000'000;
  std::int64_t allowed = step(burst, seconds(600));
  for (int i = 0; i < 2 * 3'600; ++i) allowed += step(burst);
  EXPECT_GE(allowed, burst);
}

TEST_F(AuditPaceTest, WhereGrowthLastsTwiceTheGrowthIsAllowed) {
  std::int64_t head = 0, allowed = 0;
  step(head);
  for (int i = 0; i < 4 * 3'600; ++i) step(head += 30'000);
  for (int i = 0; i < 10; ++i) allowed += step(head += 30'000);
  EXPECT_GE(allowed, 2 * 10 * 29'000);
  EXPECT_LE(allowed, 2 * 10 * 30'000);
}

TEST_F(AuditPaceTest, WhatAShortStepLeftIsDoneSoonWhereTheLedgerGrows) {
  step(0);
  pace_.saw_head(30'000'000, now_ += seconds(1'000));
  pace_.verified(10'000, milliseconds(250));
  EXPECT_EQ(pace_.pause(), milliseconds(250)) << "half of the time at most";
  pace_.verified(pace_.allowed(), milliseconds(250));
  EXPECT_EQ(pace_.pause(), seconds(1));
}

TEST_F(AuditPaceTest, GrowthIsForgottenInTime) {
  step(0);
  step(30'000'000, seconds(1'000));
  std::int64_t allowed = 0;
  for (int i = 0; i < 6 * 3'600; ++i) allowed = step(30'000'000);
  EXPECT_EQ(allowed, 2'000);
}

}  // namespace
}  // namespace vault
