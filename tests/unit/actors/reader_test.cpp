#include "actors/reader.hpp"

#include <gtest/gtest.h>

#include "tests/unit/actors/recorded_effects.hpp"

namespace vault {
namespace {

using std::chrono::seconds;

class CountedStore final : public ReaderStore {
 public:
  Result<std::unique_ptr<Snapshot>> snapshot() override {
    ++asked;
    return fail(ErrorCode::unavailable, "no database here");
  }
  void rest() override { ++rested; }
  int asked = 0, rested = 0;
};

TEST(ReaderTest, ItsConnectionIsGivenUpWhereNothingHasBeenAskedForLong) {
  RecordedEffects effects;
  CountedStore store;
  const std::atomic<bool> stopping{false};
  Reader reader(reader_id(0), store, stopping, seconds(60));
  reader.start(effects);
  EXPECT_EQ(store.asked, 0) << "it connects for a question, not before";
  for (int i = 0; i < 3; ++i) {
    effects.time += seconds(50);
    ReadTask question;
    question.task = HeadRequest{};
    reader.handle(std::move(question), effects);
    ASSERT_EQ(effects.timers.size(), 1U);
    EXPECT_EQ(effects.timers.begin()->second, effects.time + seconds(60));
  }
  EXPECT_EQ(store.rested, 0);
  reader.handle(TimerFired{effects.timers.begin()->first}, effects);
  EXPECT_EQ(store.rested, 1);
}

}  // namespace
}  // namespace vault
