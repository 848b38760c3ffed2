#include "actors/coordinator.hpp"

#include <gtest/gtest.h>

#include "tests/unit/actors/recorded_effects.hpp"

namespace vault {
namespace {

// No test gets as far as the lease.
class NoStore final : public WriterStore {
 public:
  Result<std::unique_ptr<AppendSession>> open_session() override { return none(); }
  LeaseOutcome take_lease(const LeaseRequest&) override { return LeaseHeld{}; }
  void rest() override { ++rested; }
  void release_lease(const std::string&, std::int64_t) override {}
  ResolveOutcome resolve(const AppendRequest&) override { return {}; }
  Result<std::vector<FoundSeal>> find_seals(std::span<const Uuid>) override { return none(); }
  Result<TreeView> read_tree(const TreeRequest&) override { return none(); }
  Result<std::optional<StoredCheckpoint>> store_checkpoint(std::int64_t, const StoredCheckpoint&,
                                                           const LogIdentity&) override {
    return none();
  }
  Status store_contradiction(const StoredCheckpoint&, const std::string&) override { return none(); }

  int rested = 0;

 private:
  static tl::unexpected<Error> none() { return fail(ErrorCode::internal, "not asked for here"); }
};

// The writer's answer if preparing ends with this error.
LeaseOutcome outcome_of(Error error, RecordedEffects& effects) {
  NoStore store;
  Coordinator coordinator(store, {}, std::chrono::seconds(60), [&]() -> Status { return tl::unexpected(error); });
  coordinator.handle(TakeLease{}, effects);
  return std::move(std::get<LeaseAnswer>(effects.sent.at(0).second).outcome);
}

// An error of the server itself is no finding about its data: nobody may report tampering.
TEST(CoordinatorTest, TheServersOwnWordWhilePreparingIsNoFinding) {
  RecordedEffects effects;
  const LeaseOutcome outcome =
      outcome_of({ErrorCode::internal, "SQLSTATE XX001: bad page", {}, SqlState("XX001")}, effects);
  ASSERT_TRUE(std::holds_alternative<LeaseUnreadable>(outcome));
  EXPECT_EQ(std::get<LeaseUnreadable>(outcome).detail, "SQLSTATE XX001: bad page");
  EXPECT_TRUE(effects.configuration.empty());
}

// The writer takes an internal error for damage that it must not build on.
TEST(CoordinatorTest, NothingThatGoesWrongWhilePreparingIsDamage) {
  RecordedEffects effects;
  const LeaseOutcome outcome = outcome_of({ErrorCode::internal, "migration 001 was rolled back", {}, {}}, effects);
  EXPECT_EQ(std::get<Error>(outcome).code, ErrorCode::invalid_argument);
  EXPECT_EQ(effects.configuration, "") << "it is tried again";
}

TEST(CoordinatorTest, OtherErrorsOfPreparingGoOnAsTheyAre) {
  for (const ErrorCode code : {ErrorCode::unavailable, ErrorCode::invalid_argument}) {
    RecordedEffects effects;
    const LeaseOutcome outcome = outcome_of({code, "why", {}, {}}, effects);
    ASSERT_TRUE(std::holds_alternative<Error>(outcome));
    EXPECT_EQ(std::get<Error>(outcome).code, code);
    EXPECT_EQ(effects.configuration, code == ErrorCode::invalid_argument ? "why" : "");
  }
}

TEST(CoordinatorTest, ItsSessionIsGivenUpWhereNothingHasBeenAskedForLong) {
  RecordedEffects effects;
  NoStore store;
  Coordinator coordinator(store, {}, std::chrono::seconds(60));
  for (int i = 0; i < 3; ++i) {
    effects.time += std::chrono::seconds(50);
    coordinator.handle(FindSeals{}, effects);
    ASSERT_EQ(effects.timers.size(), 1U);
    EXPECT_EQ(effects.timers.begin()->second, effects.time + std::chrono::seconds(60));
  }
  EXPECT_EQ(store.rested, 0);
  coordinator.handle(TimerFired{effects.timers.begin()->first}, effects);
  EXPECT_EQ(store.rested, 1);
}

}  // namespace
}  // namespace vault
