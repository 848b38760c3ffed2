#include "actors/committer.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <utility>

#include "tests/unit/actors/recorded_effects.hpp"

namespace vault {
namespace {

// The answers the session will give, and what was asked of it.
struct Script {
  std::deque<AppendOutcome> outcomes;
  std::size_t appended = 0;
  bool lost = false, given_up = false, closed = false, breaks_while_sending = false;
};

class ScriptedSession final : public AppendSession {
 public:
  explicit ScriptedSession(Script& script) : script_(script) {}
  ~ScriptedSession() override { script_.closed = true; }

  void append(std::shared_ptr<const AppendRequest>) override {
    ++script_.appended;
    if (!script_.breaks_while_sending) return;
    script_.lost = true;
    script_.outcomes.push_back({AppendKind::failed, "connection lost"});
  }
  std::optional<AppendOutcome> outcome() override {
    if (script_.outcomes.empty()) return std::nullopt;
    AppendOutcome next = script_.outcomes.front();
    script_.outcomes.pop_front();
    return next;
  }
  Watch watch() const override { return {script_.lost ? -1 : 7, true}; }
  void give_up() override {
    script_.given_up = script_.lost = true;
    script_.outcomes.push_back({AppendKind::in_doubt, "no answer in time"});
  }
  bool lost() const override { return script_.lost; }

 private:
  Script& script_;
};

class CommitterTest : public ::testing::Test {
 protected:
  void use_session() { committer_.handle(UseSession{std::make_unique<ScriptedSession>(script_)}, effects_); }
  void append(std::uint64_t generation) {
    committer_.handle(Append{generation, std::make_shared<const AppendRequest>()}, effects_);
  }
  std::vector<AppendKind> answers() const {
    std::vector<AppendKind> kinds;
    for (const auto& answer : effects_.messages<AppendAnswer>(ActorId::writer)) kinds.push_back(answer.outcome.kind);
    return kinds;
  }

  Script script_;
  RecordedEffects effects_;
  Committer committer_;
};

TEST_F(CommitterTest, WithoutASessionNothingIsAppended) {
  append(1);
  EXPECT_EQ(answers(), std::vector{AppendKind::failed});
  EXPECT_EQ(committer_.watch().descriptor, -1);
}

TEST_F(CommitterTest, AnswersAsTheSessionDoes) {
  use_session();
  append(1);
  append(1);
  EXPECT_EQ(script_.appended, 2U);
  EXPECT_EQ(committer_.watch().descriptor, 7);
  EXPECT_TRUE(answers().empty());
  script_.outcomes = {{AppendKind::committed, {}}, {AppendKind::committed, {}}};
  committer_.watched(effects_);
  EXPECT_EQ(answers(), (std::vector{AppendKind::committed, AppendKind::committed}));
}

// The writer may have sent the next batch before it learnt that the one below it did not commit.
TEST_F(CommitterTest, WhatBuildsOnAFailureFailsUnseen) {
  use_session();
  append(4);
  script_.outcomes = {{AppendKind::duplicate, {}}};
  committer_.watched(effects_);
  append(4);
  EXPECT_EQ(script_.appended, 1U);
  append(5);
  EXPECT_EQ(script_.appended, 2U);
  EXPECT_EQ(answers(), (std::vector{AppendKind::duplicate, AppendKind::failed}));
}

TEST_F(CommitterTest, SilentServerIsGivenUpAfterAWhile) {
  use_session();
  append(1);
  const auto due = effects_.timers.begin()->second;
  EXPECT_EQ(due - effects_.time, Committer::answer_timeout);
  effects_.time += std::chrono::seconds(20);
  script_.outcomes = {{AppendKind::committed, {}}};
  committer_.watched(effects_);
  append(1);  // when the timer fires, this one has only waited for 10 s
  effects_.time = due;
  committer_.handle(TimerFired{effects_.timers.begin()->first}, effects_);
  EXPECT_FALSE(script_.given_up);
  effects_.time = effects_.timers.begin()->second;
  committer_.handle(TimerFired{effects_.timers.begin()->first}, effects_);
  EXPECT_TRUE(script_.given_up);
  EXPECT_EQ(answers(), (std::vector{AppendKind::committed, AppendKind::in_doubt}));
  EXPECT_TRUE(script_.closed);
}

// Such a session no longer has a descriptor that could report it.
TEST_F(CommitterTest, SessionThatEndsWhileSendingIsNoticedAtOnce) {
  use_session();
  script_.breaks_while_sending = true;
  append(1);
  EXPECT_EQ(answers(), std::vector{AppendKind::failed});
  EXPECT_EQ(effects_.messages<SessionLost>(ActorId::writer).size(), 1U);
}

// A process that was stopped finds the answer together with its timer.
TEST_F(CommitterTest, AnswerThatIsThereCountsBeforeGivingUp) {
  use_session();
  append(1);
  effects_.time = effects_.timers.begin()->second;
  script_.outcomes = {{AppendKind::committed, {}}};
  committer_.handle(TimerFired{effects_.timers.begin()->first}, effects_);
  EXPECT_FALSE(script_.given_up);
  EXPECT_EQ(answers(), std::vector{AppendKind::committed});
}

TEST_F(CommitterTest, SaysOnceThatAnIdleSessionEnded) {
  use_session();
  script_.lost = true;
  committer_.watched(effects_);
  committer_.watched(effects_);
  EXPECT_EQ(effects_.messages<SessionLost>(ActorId::writer).size(), 1U);
  EXPECT_TRUE(script_.closed);
  Script next;
  committer_.handle(UseSession{std::make_unique<ScriptedSession>(next)}, effects_);
  append(1);
  EXPECT_EQ(next.appended, 1U);
  EXPECT_TRUE(committer_.stop(effects_));
  EXPECT_TRUE(next.closed);
}

}  // namespace
}  // namespace vault
