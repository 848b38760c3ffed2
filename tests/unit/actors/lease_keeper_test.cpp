// A lease is renewed only for a sealing thread that makes progress.
#include "actors/lease_keeper.hpp"

#include <gtest/gtest.h>

#include "tests/unit/actors/recorded_effects.hpp"

namespace vault {
namespace {

using std::chrono::milliseconds;

class CountingStore final : public LeaseStore {
 public:
  Result<LeaseRenewal> renew(const std::string& instance, std::int64_t epoch) override {
    EXPECT_EQ(instance, "me");
    renewed.push_back(epoch);
    return LeaseRenewal{};
  }
  Status confirm(const LeaseRequest& lease, std::int64_t epoch, std::int64_t at_least_sequence) override {
    EXPECT_EQ(lease.instance, "me");
    if (epoch == 7 && at_least_sequence <= 12) return {};
    return fail(ErrorCode::forbidden, "no");
  }
  void rest() override { ++rested; }
  std::vector<std::int64_t> renewed;
  int rested = 0;
};

class LeaseKeeperTest : public ::testing::Test {
 protected:
  void keep(std::int64_t epoch) { keeper_.handle(KeepLease{epoch, effects_.time}, effects_); }
  // Time passes in steps; the writer reports progress if `progress`.
  void pass(milliseconds time, std::int64_t epoch, bool progress) {
    for (milliseconds passed{}; passed < time; passed += milliseconds(50)) {
      effects_.time += milliseconds(50);
      if (progress) keep(epoch);
      const auto due = effects_.timers;
      for (const auto& [id, at] : due) {
        if (at > effects_.time) continue;
        effects_.timers.erase(id);
        keeper_.handle(TimerFired{id}, effects_);
      }
    }
  }

  RecordedEffects effects_;
  CountingStore store_;
  LeaseKeeper keeper_{store_, {"me", milliseconds(3'000)}, milliseconds(1'000)};
};

TEST_F(LeaseKeeperTest, RenewsAboutEverySecondWhileThereIsProgress) {
  keep(7);
  pass(milliseconds(10'000), 7, true);
  EXPECT_EQ(store_.renewed, std::vector<std::int64_t>(10, 7));
  EXPECT_EQ(effects_.messages<LeaseRenewed>(ActorId::writer).size(), 10U);
}

// The grant may have been under way for long, and a standby has seen the lease stand still since it was made.
TEST_F(LeaseKeeperTest, RenewsALeaseThatIsNewAtOnce) {
  keep(7);
  pass(milliseconds(50), 7, true);
  EXPECT_EQ(store_.renewed, std::vector<std::int64_t>{7});
  keep(8);
  pass(milliseconds(50), 8, true);
  EXPECT_EQ(store_.renewed, (std::vector<std::int64_t>{7, 8}));
}

TEST_F(LeaseKeeperTest, StopsAfterHalfALeaseWithoutProgressAndGoesOnWithIt) {
  keep(7);
  pass(milliseconds(10'000), 7, false);
  EXPECT_EQ(store_.renewed.size(), 2U);
  pass(milliseconds(1'000), 7, true);
  EXPECT_EQ(store_.renewed.size(), 3U);
}

TEST_F(LeaseKeeperTest, WithoutALeaseItsSessionIsGivenUpAfterAWhile) {
  keep(7);
  pass(milliseconds(10'000), 7, true);
  keep(0);
  pass(milliseconds(2'900), 0, false);
  keep(8);  // it is back
  pass(milliseconds(10'000), 8, true);
  EXPECT_EQ(store_.rested, 0);
  keep(0);
  pass(milliseconds(3'000), 0, false);
  EXPECT_EQ(store_.rested, 1);
  keeper_.handle(ConfirmLease{8, 12}, effects_);  // has been under way for long
  pass(milliseconds(3'000), 0, false);
  EXPECT_EQ(store_.rested, 2);
}

// The keeper was busy with the database while these were sent.
TEST_F(LeaseKeeperTest, ProgressThatHasWaitedInTheMailboxIsOld) {
  const KeepLease old{7, effects_.time};
  effects_.time += milliseconds(5'000);
  for (int i = 0; i < 20; ++i) keeper_.handle(old, effects_);
  pass(milliseconds(5'000), 7, false);
  EXPECT_TRUE(store_.renewed.empty());
}

TEST_F(LeaseKeeperTest, RenewsNothingThatHasBeenGivenUp) {
  keep(7);
  keep(0);
  pass(milliseconds(5'000), 0, true);
  EXPECT_TRUE(store_.renewed.empty());
  keep(8);
  pass(milliseconds(1'000), 8, true);
  EXPECT_EQ(store_.renewed, std::vector<std::int64_t>{8});
}

TEST_F(LeaseKeeperTest, ConfirmsWhatTheDatabaseConfirms) {
  for (const auto& [epoch, sequence] : {std::pair{7, 12}, {7, 13}, {8, 1}}) {
    keeper_.handle(ConfirmLease{epoch, sequence}, effects_);
  }
  const auto answers = effects_.messages<LeaseConfirmed>(ActorId::notary);
  ASSERT_EQ(answers.size(), 3U);
  EXPECT_TRUE(answers[0].status);
  EXPECT_EQ(answers[0].at_least_sequence, 12);
  EXPECT_FALSE(answers[1].status);
  EXPECT_FALSE(answers[2].status);
  EXPECT_EQ(answers[2].epoch, 8);
}

}  // namespace
}  // namespace vault
