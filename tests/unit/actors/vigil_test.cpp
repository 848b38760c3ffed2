#include "actors/vigil.hpp"

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>
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
  EXPECT_FALSE(vigil.holds(start, Expect::nothing, 0));
  EXPECT_TRUE(vigil.holds(start, Expect::soon, 1));
  EXPECT_TRUE(vigil.holds(start + microseconds(399), Expect::soon, 1));
  EXPECT_FALSE(vigil.holds(start + microseconds(400), Expect::soon, 1)) << "it is not soon any more";
  EXPECT_TRUE(vigil.holds(start + microseconds(500), Expect::nothing, 1)) << "it has come";
  EXPECT_TRUE(vigil.holds(start + microseconds(899), Expect::nothing, 1));
  EXPECT_FALSE(vigil.holds(start + microseconds(900), Expect::nothing, 1));
}

// Two producers in turns: whenever one is answered, the other's seal is with the database.
TEST(Vigil, HoldsForEveryOneOfManyInARow) {
  Vigil vigil(longest);
  for (std::uint64_t batch = 1; batch <= 20; ++batch) {
    EXPECT_TRUE(vigil.holds(start + batch * microseconds(200), Expect::soon, batch)) << batch;
  }
}

TEST(Vigil, GivesUpWhereAnswersTakeLongButTriesAgain) {
  Vigil vigil(longest);
  Clock::time_point now = start;
  std::uint64_t batch = 0;
  const auto seal = [&](microseconds takes) {
    const bool held = vigil.holds(now, Expect::soon, ++batch);
    now += takes;
    (void)vigil.holds(now, Expect::nothing, batch);
    now += milliseconds(1);
    return held;
  };
  int held = 0;
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(seal(microseconds(900)));
  for (int i = 0; i < 160; ++i) held += seal(microseconds(900)) ? 1 : 0;
  EXPECT_GE(held, 5);
  EXPECT_LE(held, 20);
  for (int i = 0; i < 40; ++i) (void)seal(microseconds(200));  // the disk has become fast
  EXPECT_TRUE(seal(microseconds(200)));
}

TEST(Vigil, EndsWhereMuchIsUnderWay) {
  Vigil vigil(longest);
  EXPECT_FALSE(vigil.holds(start, Expect::later, 1));
  EXPECT_FALSE(vigil.holds(start, Expect::nothing, 1)) << "what came was not small";
  EXPECT_TRUE(vigil.holds(start, Expect::soon, 2));
  EXPECT_FALSE(vigil.holds(start, Expect::later, 3));
  EXPECT_TRUE(vigil.holds(start, Expect::soon, 4));
}

TEST(Vigil, OfNoLengthIsNone) {
  Vigil vigil(microseconds{});
  EXPECT_FALSE(vigil.holds(start, Expect::soon, 1));
  EXPECT_FALSE(vigil.holds(start, Expect::nothing, 1));
}

// Awake, as a shell waits, for so long.
void wait_awake(Vigil& vigil, milliseconds duration) {
  static std::uint64_t batch = 0;
  (void)vigil.holds(Clock::now(), Expect::soon, ++batch);
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

// Rounds that find something at once never come to sleeping, and one round may be long.
TEST(Vigil, SecondThreadStopsByItself) {
  Vigil vigil(milliseconds(20));
  wait_awake(vigil, milliseconds(5));
  std::this_thread::sleep_for(milliseconds(30));
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

// A sandbox may refuse to move threads. A second thread beside the first would only be in its way.
TEST(Vigil, WithoutLeaveToMoveThereIsNoneBesideTheCaller) {
  std::thread([] {
    sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sched_setaffinity, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    sock_fprog filter{4, program};
    // Of this thread alone, and of those that it starts.
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
      GTEST_SKIP() << "no seccomp here";
    }
    Vigil vigil(std::chrono::seconds(10));
    for (int i = 0; i < 1'000 && vigil.has_second_thread() == (i > 0); ++i) wait_awake(vigil, milliseconds(1));
    EXPECT_FALSE(vigil.has_second_thread());
    wait_awake(vigil, milliseconds(1));
  }).join();
}

}  // namespace
}  // namespace vault
