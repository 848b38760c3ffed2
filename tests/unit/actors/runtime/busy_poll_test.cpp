#include "actors/runtime/busy_poll.hpp"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <thread>

namespace vault {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::microseconds;
using std::chrono::milliseconds;

class BusyPollTest : public ::testing::Test {
 protected:
  ~BusyPollTest() override { close(event_); }
  std::array<pollfd, 1> watched() const { return {pollfd{event_, POLLIN, 0}}; }

  int event_ = eventfd(0, EFD_NONBLOCK);
};

milliseconds processor_time() {
  timespec used{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return milliseconds(used.tv_sec * 1'000 + used.tv_nsec / 1'000'000);
}

TEST_F(BusyPollTest, TellsWhatIsReadyAtOnceAndWhatComesLater) {
  for (const auto busy : {microseconds(0), microseconds(100), microseconds(10'000'000)}) {
    const int event = eventfd(0, EFD_NONBLOCK);
    std::array<pollfd, 1> descriptors{pollfd{event, POLLIN, 0}};
    std::thread other([&] {
      std::this_thread::sleep_for(milliseconds(20));
      EXPECT_EQ(eventfd_write(event, 1), 0);
    });
    EXPECT_EQ(poll_awake_first(descriptors, busy, milliseconds(60'000)), 1) << busy.count();
    EXPECT_EQ(descriptors[0].revents, POLLIN);
    EXPECT_EQ(poll_awake_first(descriptors, busy, milliseconds(0)), 1) << "it is still there";
    other.join();
    close(event);
  }
}

TEST_F(BusyPollTest, EndsWithItsTimeout) {
  auto descriptors = watched();
  const auto start = Clock::now();
  EXPECT_EQ(poll_awake_first(descriptors, microseconds(60'000'000), milliseconds(20)), 0) << "awake for all of it";
  EXPECT_EQ(poll_awake_first(descriptors, microseconds(1'000), milliseconds(20)), 0) << "awake, then asleep";
  EXPECT_EQ(poll_awake_first(descriptors, microseconds(60'000'000), milliseconds(0)), 0) << "only looked";
  EXPECT_GE(Clock::now() - start, milliseconds(40));
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(30));
}

// The poll is bounded: a wait of half a second costs what `busy` allows, not half a second.
TEST_F(BusyPollTest, SleepsAfterwards) {
  auto descriptors = watched();
  const auto before = processor_time();
  EXPECT_EQ(poll_awake_first(descriptors, microseconds(1'000), milliseconds(500)), 0);
  EXPECT_LT(processor_time() - before, milliseconds(250));
}

}  // namespace
}  // namespace vault
