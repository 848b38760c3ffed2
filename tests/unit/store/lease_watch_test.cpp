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

// A vaultd that starts need not wait for the lease of one that was gone long ago, and asks twice: before and after it
// has locked the head.
TEST(LeaseWatch, WhoLooksForTheFirstTimeBelievesTheDatabase) {
  LeaseWatch watch;
  EXPECT_TRUE(watch.over("a 1", true, timeout, start));
  EXPECT_TRUE(watch.over("a 1", true, timeout, start + milliseconds(1)));
  EXPECT_FALSE(watch.over("b 2", true, timeout, start + milliseconds(2))) << "somebody was quicker";
}

}  // namespace
}  // namespace vault
