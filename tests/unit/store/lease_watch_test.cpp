#include "store/lease_watch.hpp"

#include <gtest/gtest.h>

namespace vault {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds timeout{3'000};
constexpr LeaseWatch::Instant start{std::chrono::hours(1)};

// The database's clock is set back as the writer dies: by that clock its lease lasts for another 48 seconds.
TEST(LeaseWatch, LeaseThatStandsStillIsOverWhateverTheDatabasesClockSays) {
  LeaseWatch watch;
  EXPECT_FALSE(watch.over("a 1", false, timeout, start));
  EXPECT_FALSE(watch.over("a 2", false, timeout, start + seconds(1)));
  EXPECT_FALSE(watch.over("a 2", false, timeout, start + seconds(4)));
  EXPECT_TRUE(watch.over("a 2", false, timeout, start + milliseconds(4'001)));
}

// It is set forward: by that clock every lease is over.
TEST(LeaseWatch, LeaseThatIsRenewedIsNotOver) {
  LeaseWatch watch;
  EXPECT_FALSE(watch.over("a 1", false, timeout, start));
  for (int i = 2; i < 20; ++i) EXPECT_FALSE(watch.over("a " + std::to_string(i), true, timeout, start + seconds(i)));
}

// A starting vaultd need not wait the whole timeout for a lease whose holder disappeared long ago.
TEST(LeaseWatch, WhoLooksForTheFirstTimeBelievesTheDatabaseOnceTheLeaseHasStoodStill) {
  LeaseWatch watch;
  EXPECT_FALSE(watch.over("a 1", true, timeout, start));
  EXPECT_FALSE(watch.over("a 1", true, timeout, start + milliseconds(1'500)));
  EXPECT_TRUE(watch.over("a 1", true, timeout, start + milliseconds(1'501)));
  EXPECT_TRUE(watch.over("a 1", true, timeout, start + milliseconds(1'502))) << "asked again under the head's lock";
  EXPECT_FALSE(watch.over("b 2", true, timeout, start + milliseconds(1'503))) << "somebody was quicker";
}

// It starts as the database's clock leaps forward, beside a live writer.
TEST(LeaseWatch, WhoLooksForTheFirstTimeSeesARenewalFirst) {
  LeaseWatch watch;
  EXPECT_FALSE(watch.over("a 1", true, timeout, start));
  EXPECT_FALSE(watch.over("a 2", true, timeout, start + seconds(1)));
  EXPECT_FALSE(watch.over("a 2", true, timeout, start + seconds(4)));
  EXPECT_TRUE(watch.over("a 2", true, timeout, start + milliseconds(4'001)));
}

}  // namespace
}  // namespace vault
