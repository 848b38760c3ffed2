#include "actors/clock_guard.hpp"

#include <gtest/gtest.h>

namespace vault {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// vaultd and its database on one machine, with one clock.
class SharedClockTest : public ::testing::Test {
 protected:
  // Whether it is trusted after this time, in which the database's clock was reported every second.
  bool trusted_after(seconds time) {
    bool trusted = false;
    for (seconds passed{0}; passed < time; passed += seconds(1)) {
      at_ += seconds(1);
      clock_.micros += 1'000'000;
      guard_.saw_own(clock_, at_);
      guard_.saw_database(clock_, at_);
      trusted = !guard_.distrust(clock_, at_);
    }
    return trusted;
  }
  void leap(std::int64_t by_seconds) { clock_.micros += by_seconds * 1'000'000; }

  ClockGuard guard_{seconds(60)};
  Timestamp clock_{1'767'225'600'000'000};
  ClockGuard::Instant at_{std::chrono::hours(1)};
};

TEST_F(SharedClockTest, LeapForwardIsRefusedAndNamedUntilItIsPutRight) {
  EXPECT_TRUE(trusted_after(seconds(2)));
  leap(365 * 86'400);
  EXPECT_FALSE(trusted_after(seconds(100)));
  EXPECT_NE(guard_.distrust(clock_, at_)->find("have both leapt forward, by 31536000000 ms"), std::string::npos);
  leap(-365 * 86'400);
  EXPECT_TRUE(trusted_after(seconds(1)));
}

// A machine that was paused: nobody corrects its clock.
TEST_F(SharedClockTest, ClockThatGoesOnEvenlyIsBelievedInTheEnd) {
  EXPECT_TRUE(trusted_after(seconds(2)));
  leap(3'600);
  EXPECT_FALSE(trusted_after(ClockGuard::patience - seconds(10)));
  EXPECT_TRUE(trusted_after(seconds(30)));
  leap(3'600);
  EXPECT_FALSE(trusted_after(seconds(1)));
}

TEST_F(SharedClockTest, PatienceBeginsAnewWithEveryLeap) {
  EXPECT_TRUE(trusted_after(seconds(2)));
  leap(3'600);
  EXPECT_FALSE(trusted_after(ClockGuard::patience - seconds(10)));
  leap(3'600);
  EXPECT_FALSE(trusted_after(ClockGuard::patience - seconds(10)));
}

TEST_F(SharedClockTest, SmallStepsAndStepsBackAreFollowed) {
  EXPECT_TRUE(trusted_after(seconds(2)));
  for (int i = 0; i < 5; ++i) {
    leap(50);
    EXPECT_TRUE(trusted_after(seconds(1))) << i;
  }
  leap(-86'400);
  EXPECT_TRUE(trusted_after(seconds(1)));
}

TEST_F(SharedClockTest, ClockThatWasSetBackMayReturn) {
  EXPECT_TRUE(trusted_after(seconds(2)));
  leap(-3'600);
  EXPECT_TRUE(trusted_after(seconds(10)));
  leap(3'600);
  EXPECT_TRUE(trusted_after(seconds(1))) << "all timestamps up to here were fine before";
  leap(3'600);
  EXPECT_FALSE(trusted_after(seconds(1)));
}

TEST(ClockGuard, TwoClocksMustAgree) {
  ClockGuard guard(seconds(60));
  const ClockGuard::Instant at{seconds(5)};
  EXPECT_TRUE(guard.distrust({0}, at)) << "nothing to compare with";
  guard.saw_database({0}, at);
  EXPECT_FALSE(guard.distrust({59'000'000}, at));
  EXPECT_TRUE(guard.distrust({61'000'000}, at));
  EXPECT_TRUE(guard.distrust({-61'000'000}, at));
  EXPECT_FALSE(guard.distrust({61'000'000}, at + seconds(30)));
  // The database's clock leaps forward: distrusted until it comes back.
  guard.saw_database({86'400'000'000}, at);
  EXPECT_TRUE(guard.distrust({0}, at));
  guard.saw_database({0}, at);
  EXPECT_FALSE(guard.distrust({0}, at));
}

// A wrong clock is corrected, and nobody waits.
TEST(ClockGuard, LeapThatMakesThemAgreeIsACorrection) {
  ClockGuard guard(seconds(60));
  const ClockGuard::Instant at{seconds(5)};
  guard.saw_own({0}, at);
  guard.saw_database({3'600'000'000}, at);
  EXPECT_TRUE(guard.distrust({0}, at));
  EXPECT_FALSE(guard.distrust({3'600'000'000}, at));
  guard.saw_database({7'200'000'000}, at);
  guard.saw_database({3'600'000'000}, at);
  EXPECT_FALSE(guard.distrust({3'600'000'000}, at));
}

// Two clocks, each wrong for a while and corrected again, one after the other: neither leap is held against the other.
TEST(ClockGuard, CorrectionIsForgottenBeforeTheOtherClockIsCorrected) {
  ClockGuard guard(seconds(60));
  ClockGuard::Instant at{seconds(5)};
  const auto tell = [&](std::int64_t own_seconds, std::int64_t database_seconds) {
    at += seconds(1);
    const std::int64_t now = std::chrono::duration_cast<std::chrono::microseconds>(at.time_since_epoch()).count();
    const Timestamp own{now + own_seconds * 1'000'000};
    guard.saw_own(own, at);
    guard.saw_database({now + database_seconds * 1'000'000}, at);
    return !guard.distrust(own, at);
  };
  EXPECT_TRUE(tell(0, 0));
  EXPECT_FALSE(tell(-65, 0));
  EXPECT_TRUE(tell(0, 0));
  EXPECT_FALSE(tell(0, -65));
  EXPECT_TRUE(tell(0, 0));
  EXPECT_FALSE(tell(3'600, 0));
  EXPECT_FALSE(tell(3'600, 3'600)) << "both are ahead now, and never agreed with one that was not";
}

}  // namespace
}  // namespace vault
