#include "actors/raised_alerts.hpp"

#include <gtest/gtest.h>

#include "actors/alert_board.hpp"
#include "tests/unit/actors/recorded_effects.hpp"

namespace vault {
namespace {

using Kinds = std::vector<std::string>;

class RaisedAlertsTest : public ::testing::Test {
 protected:
  // The announcements caused by the boards since the last call: "+" raised, "-" over.
  std::string told() {
    std::string out;
    for (const auto& message : effects_.messages<AlertMessage>(ActorId::gateway)) {
      if (all_.note(message.alert)) out += message.alert.raised ? '+' : '-';
    }
    effects_.sent.clear();
    return out;
  }
  void raise(AlertBoard& board, const std::string& kind, const std::string& cause, const std::string& message = "x") {
    board.raise(kind, cause, Severity::critical, message, effects_);
  }

  RecordedEffects effects_;
  RaisedAlerts all_;
  AlertBoard notary_{"notary"}, writer_{"writer"};
};

TEST_F(RaisedAlertsTest, AFindingIsToldEachTimeAndOverOnce) {
  writer_.report(
      {.kind = "tamper", .severity = Severity::critical, .message = "x", .sequence = 7, .reason = "prev_hash_mismatch"},
      "ledger", effects_);
  writer_.report(
      {.kind = "tamper", .severity = Severity::critical, .message = "x", .sequence = 9, .reason = "prev_hash_mismatch"},
      "ledger", effects_);
  EXPECT_EQ(told(), "++");
  EXPECT_EQ(all_.standing().at(0).alert.sequence, 7);  // the first is where to look
  EXPECT_EQ(all_.standing().at(0).alert.cause, "writer/ledger");
  writer_.clear("tamper", "ledger", effects_, "a round found nothing");
  EXPECT_EQ(effects_.messages<AlertMessage>(ActorId::publisher).back().alert.message, "a round found nothing");
  EXPECT_EQ(told(), "-");
  writer_.clear("tamper", "ledger", effects_);
  EXPECT_EQ(told(), "");
}

TEST_F(RaisedAlertsTest, AKindIsAsSevereAsItsWorstCause) {
  notary_.raise("clock", "mild", Severity::warning, "x", effects_);
  writer_.raise("clock", "bad", Severity::critical, "x", effects_);
  (void)told();
  EXPECT_EQ(all_.severities().at("clock"), Severity::critical);
  writer_.clear("clock", "bad", effects_);
  (void)told();
  EXPECT_EQ(all_.severities().at("clock"), Severity::warning);
}

TEST_F(RaisedAlertsTest, OneIsContentAndTheOtherIsNot) {
  raise(notary_, "tamper", "judging");
  raise(writer_, "tamper", "judging");
  EXPECT_EQ(told(), "++");
  notary_.clear("tamper", "judging", effects_);
  EXPECT_EQ(told(), "");
  EXPECT_EQ(all_.kinds(), Kinds{"tamper"});
  writer_.clear("tamper", "judging", effects_);
  EXPECT_EQ(told(), "-");
  EXPECT_EQ(all_.kinds(), Kinds{});
}

TEST_F(RaisedAlertsTest, OneCauseIsOverAndTheOtherIsNot) {
  raise(notary_, "checkpoint", "signing");
  raise(notary_, "checkpoint", "storing");
  raise(notary_, "clock", "a");
  EXPECT_EQ(told(), "+++");
  notary_.clear("checkpoint", "signing", effects_);
  EXPECT_EQ(told(), "");
  EXPECT_EQ(all_.kinds(), (Kinds{"checkpoint", "clock"}));
  notary_.clear("checkpoint", "storing", effects_);
  EXPECT_EQ(told(), "-");
}

TEST_F(RaisedAlertsTest, WhatStandsIsToldOnceUnlessItIsAnotherState) {
  raise(writer_, "database", "a", "fsync is off");
  raise(writer_, "database", "a", "fsync is off again");
  writer_.raise_as("database", "a", Severity::critical, "fsync is off", effects_);
  EXPECT_EQ(told(), "+");
  writer_.raise_as("database", "a", Severity::critical, "synchronous_commit is off", effects_);
  EXPECT_EQ(told(), "+");
  writer_.clear("database", "b", effects_);
  EXPECT_EQ(told(), "");
}

TEST_F(RaisedAlertsTest, TheWorstStandsFirstAndTheFirstFindingIsKept) {
  Alert late{.kind = "ingest", .severity = Severity::warning, .message = "odd"};
  Alert found{.kind = "tamper", .severity = Severity::critical, .message = "bad", .sequence = 7, .reason = "gap"};
  all_.note(late, Timestamp{1});
  all_.note(found, Timestamp{2});
  found.sequence = 9;
  all_.note(found, Timestamp{3});
  const auto standing = all_.standing();
  ASSERT_EQ(standing.size(), 2U);
  EXPECT_EQ(standing[0].alert.kind, "tamper");
  EXPECT_EQ(standing[0].alert.sequence, 7);
  EXPECT_EQ(standing[0].since, Timestamp{2});
  EXPECT_EQ(standing[1].alert.kind, "ingest");
}

}  // namespace
}  // namespace vault
