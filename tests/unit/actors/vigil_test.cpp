#include "actors/vigil.hpp"

#include <gtest/gtest.h>
#include <sched.h>

#include <ctime>
#include <functional>

namespace vault {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using Clock = Vigil::Clock;

constexpr Clock::time_point start{std::chrono::hours(1)};
constexpr microseconds longest{400};

TEST(Vigil, HoldsWhileASmallCommitIsUnderWayAndAfterIt) {
  Vigil vigil(longest);
  EXPECT_FALSE(vigil.holds(start, Expect::nothing));
  EXPECT_TRUE(vigil.holds(start, Expect::soon));
  EXPECT_TRUE(vigil.holds(start + microseconds(399), Expect::soon));
  EXPECT_FALSE(vigil.holds(start + microseconds(400), Expect::soon)) << "it is not soon any more";
  EXPECT_TRUE(vigil.holds(start + microseconds(500), Expect::nothing)) << "it has come";
  EXPECT_TRUE(vigil.holds(start + microseconds(899), Expect::nothing));
  EXPECT_FALSE(vigil.holds(start + microseconds(900), Expect::nothing));
}

TEST(Vigil, EndsWhereMuchIsUnderWay) {
  Vigil vigil(longest);
  EXPECT_FALSE(vigil.holds(start, Expect::later));
  EXPECT_FALSE(vigil.holds(start, Expect::nothing)) << "what came was not small";
  EXPECT_TRUE(vigil.holds(start, Expect::soon));
  EXPECT_FALSE(vigil.holds(start, Expect::later));
  EXPECT_TRUE(vigil.holds(start, Expect::soon));
}

TEST(Vigil, OfNoLengthIsNone) {
  Vigil vigil(microseconds{});
  EXPECT_FALSE(vigil.holds(start, Expect::soon));
  EXPECT_FALSE(vigil.holds(start, Expect::nothing));
}

// Awake, as a shell waits, for so long.
void wait_awake(Vigil& vigil, milliseconds duration) {
  (void)vigil.holds(Clock::now(), Expect::nothing);
  (void)vigil.holds(Clock::now(), Expect::soon);
  const auto end = Clock::now() + duration;
  for (auto now = Clock::now(); now < end && vigil.keep(now); now = Clock::now()) sched_yield();
}

// Processor time of this process while `work` runs, as a share of the time that it takes.
double processors_used(const std::function<void()>& work) {
  const auto before = Clock::now();
  const std::clock_t used = std::clock();
  work();
  const double seconds = std::chrono::duration<double>(Clock::now() - before).count();
  return static_cast<double>(std::clock() - used) / CLOCKS_PER_SEC / seconds;
}

TEST(Vigil, SecondThreadSleepsWhenTheVigilIsOver) {
  cpu_set_t allowed;
  ASSERT_EQ(sched_getaffinity(0, sizeof allowed, &allowed), 0);
  Vigil vigil(std::chrono::seconds(10));
  EXPECT_FALSE(vigil.has_second_thread());
  wait_awake(vigil, milliseconds(20));
  EXPECT_EQ(vigil.has_second_thread(), CPU_COUNT(&allowed) == 2);
  vigil.end();
  EXPECT_LT(processors_used([] { std::this_thread::sleep_for(milliseconds(200)); }), 0.2);
  wait_awake(vigil, milliseconds(20));  // and comes back
  vigil.end();
  EXPECT_LT(processors_used([] { std::this_thread::sleep_for(milliseconds(200)); }), 0.2);
}

// It leaves even if it is told so while it watches.
TEST(Vigil, EndsWithItsOwner) {
  for (int i = 0; i < 20; ++i) {
    Vigil vigil(std::chrono::seconds(10));
    wait_awake(vigil, milliseconds(2));
    if (i % 2 == 0) vigil.end();
  }
}

// What it does then is the scheduler's business; what must not happen is that the thread stays tied to one processor.
TEST(Vigil, AfterWaitingInVainAllProcessorsAreAllowedAsBefore) {
  cpu_set_t before, after;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  Vigil vigil(milliseconds(2));
  for (int i = 0; i < 3; ++i) wait_awake(vigil, milliseconds(5));
  ASSERT_EQ(sched_getaffinity(0, sizeof after, &after), 0);
  EXPECT_TRUE(CPU_EQUAL(&before, &after));
}

// A thread on one processor has no other one to keep awake.
TEST(Vigil, AloneOnOneProcessor) {
  std::thread([] {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
    Vigil vigil(std::chrono::seconds(10));
    wait_awake(vigil, milliseconds(5));
    EXPECT_FALSE(vigil.has_second_thread());
  }).join();
}

}  // namespace
}  // namespace vault
