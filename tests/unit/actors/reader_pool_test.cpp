#include "actors/reader_pool.hpp"

#include <gtest/gtest.h>

namespace vault {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ReaderPoolTest : public ::testing::Test {
 protected:
  // Lets time pass as the gateway's timer does. Returns which readers were probed meanwhile, in order; each answers at
  // once with `lost_`, or never if `silent_`.
  std::vector<std::size_t> asked_in(milliseconds time, bool auditor = false) {
    std::vector<std::size_t> asked;
    for (const auto end = now_ + time; now_ < end; now_ += milliseconds(50)) {
      if (auditor && now_ >= auditor_at_) {
        pool_.seen(lost_.empty(), now_);
        auditor_at_ = now_ + milliseconds(1'200);
      }
      while (const auto reader = pool_.due_for_probe(now_, false)) {
        asked.push_back(*reader);
        pool_.begin(*reader, now_);
        if (!silent_) pool_.end(*reader, lost_, now_);
      }
    }
    return asked;
  }

  ReaderPool pool_{3, true};
  ReaderPool::Instant now_{seconds(1'000)}, auditor_at_{};
  std::string lost_;
  bool silent_ = false;
};

TEST_F(ReaderPoolTest, OneAsksForAllWhereNobodyElseDoes) {
  EXPECT_EQ(asked_in(milliseconds(10'500)), std::vector<std::size_t>(10, 0));
}

TEST_F(ReaderPoolTest, NobodyNeedsToBeConnectedWhereTheAuditorLooks) {
  asked_in(seconds(2), true);
  EXPECT_TRUE(asked_in(seconds(60), true).empty());
}

TEST_F(ReaderPoolTest, WhoHasAnsweredAQuestionHasSeenTheDatabase) {
  asked_in(milliseconds(900));
  pool_.begin(2, now_);
  pool_.end(2, "", now_);
  EXPECT_TRUE(asked_in(milliseconds(900)).empty());
}

TEST_F(ReaderPoolTest, ADatabaseThatIsGoneIsMissedWithinASecondByWhoeverLooks) {
  for (const bool auditor : {false, true}) {
    lost_.clear();
    asked_in(seconds(3), auditor);
    lost_ = "connection refused";
    asked_in(milliseconds(1'300), auditor);
    EXPECT_EQ(pool_.health(now_).lost, 3U) << "once one is lost, all are asked";
    EXPECT_EQ(pool_.health(now_).reason, "connection refused");
    lost_.clear();
    asked_in(milliseconds(1'050), auditor);
    EXPECT_EQ(pool_.health(now_).lost, 0U);
  }
}

TEST_F(ReaderPoolTest, ADatabaseThatSaysNothingIsMissedToo) {
  asked_in(seconds(3), true);
  silent_ = true;
  EXPECT_EQ(asked_in(seconds(5)), (std::vector<std::size_t>{0, 1, 2})) << "one after the other";
  asked_in(ReaderPool::silence_max);
  EXPECT_EQ(pool_.health(now_).lost, 3U);
}

}  // namespace
}  // namespace vault
