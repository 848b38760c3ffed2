// The gateway's queries: readers, checkpoints, clients that disconnect.
#include "gateway_fixture.hpp"

namespace vault {
namespace {

using std::chrono::milliseconds;

TEST_F(GatewayTest, SignedReceiptsWaitForTheCheckpointThatCoversThem) {
  start();
  from_peer("p", SealRequest{{seal_of()}, false, true});
  gateway->round_done(effects);
  answer(orders()[0].ticket, 5);
  EXPECT_TRUE(effects.frames.empty());
  EXPECT_TRUE(effects.messages<ReadTask>(reader_id(0)).empty());
  CheckpointSigned checkpoint;
  checkpoint.checkpoint.tree_size = 4;
  gateway->handle(checkpoint, effects);
  gateway->round_done(effects);
  EXPECT_TRUE(effects.messages<ReadTask>(reader_id(0)).empty());
  checkpoint.checkpoint.tree_size = 9;
  gateway->handle(checkpoint, effects);
  gateway->round_done(effects);
  const auto tasks = effects.messages<ReadTask>(reader_id(0));
  ASSERT_EQ(tasks.size(), 1U);
  EXPECT_EQ(tasks[0].checkpoint->tree_size, 9);
}

TEST_F(GatewayTest, VerificationsLeaveAReaderFree) {
  start();
  from_peer("p", VerifyRangeRequest{});
  from_peer("p", VerifyRangeRequest{});
  EXPECT_EQ(tasks().size(), 1U);
  from_peer("p", HeadRequest{});
  ASSERT_EQ(tasks().size(), 2U);
  EXPECT_TRUE(std::holds_alternative<HeadRequest>(tasks()[1].task));
  from_peer("p", VerifyRangeRequest{});
  EXPECT_EQ(last_error(), "busy") << "two a client";
}

TEST_F(GatewayTest, QuestionsOverAllBoundsAreBusyAndSealsGoOn) {
  start();
  for (int i = 0; i < 20'000; ++i) from_peer("greedy", HeadRequest{});
  EXPECT_EQ(last_error(), "busy");
  effects.frames.clear();
  from_peer("modest", HeadRequest{});
  seal_from("greedy");
  EXPECT_TRUE(effects.frames.empty());
  // The modest peer's query waits for one of the greedy one's.
  answer_read(tasks()[0].ticket, 0);
  answer_read(tasks()[1].ticket, 1);
  ASSERT_EQ(tasks().size(), 4U);
  EXPECT_GT(tasks()[3].ticket, 20'000U);
}

// A client asks, does not wait, and is gone: none of its tasks is run any more.
TEST_F(GatewayTest, WorkForAClientThatHasGoneEnds) {
  start();
  effects.peer = {7, 1};
  from_peer("gone", VerifyRangeRequest{});
  for (int i = 0; i < 100; ++i) from_peer("gone", HeadRequest{});
  effects.peer = {8, 2};
  from_peer("here", HeadRequest{});
  ASSERT_EQ(tasks().size(), 2U);
  effects.closed.insert(7);
  gateway->handle(TimerFired{2}, effects);
  ReadAnswer turn;
  turn.ticket = tasks()[0].ticket;
  turn.wait = ReadWait::turn;
  turn.task = tasks()[0];
  turn.reader = reader_id(0);
  gateway->handle(turn, effects);
  answer_read(tasks()[1].ticket, 1);
  ASSERT_EQ(tasks().size(), 3U) << "the verification does not go on, and the other questions are not asked";
  answer_read(tasks()[2].ticket, 0);
  ASSERT_EQ(effects.frames.size(), 1U);
  EXPECT_EQ(effects.frames[0].second[0], "here");
}

TEST_F(GatewayTest, AProgressThatReachesNobodyEndsTheVerification) {
  start();
  effects.peer = {7, 1};
  from_peer("p", VerifyRangeRequest{{}, {}, true});
  from_peer("p", HeadRequest{});
  from_peer("p", HeadRequest{});
  effects.peer_is_full = true;
  gateway->handle(ReadProgress{tasks()[0].ticket, "progress"}, effects);
  from_peer("p", VerifyRangeRequest{});
  from_peer("p", VerifyRangeRequest{});
  EXPECT_TRUE(effects.frames.empty()) << "one that does not read is not gone: its two verifications stand";
  effects.closed.insert(7);
  gateway->handle(ReadProgress{tasks()[0].ticket, "progress"}, effects);
  effects.peer_is_full = false;
  effects.peer = {9, 3};
  from_peer("p", VerifyRangeRequest{});
  from_peer("p", VerifyRangeRequest{});
  EXPECT_TRUE(effects.frames.empty()) << "there is room for two again";
}

TEST_F(GatewayTest, ReadersWithoutADatabaseAreToldOnceAndQuestionsRefusedAtOnce) {
  start();
  for (int i = 0; i < 3; ++i) from_peer("p", HeadRequest{});
  ReadAnswer lost;
  lost.ticket = tasks()[0].ticket;
  lost.lost = "connection refused";
  lost.message = encode_error_reply({}, {ErrorCode::unavailable, "x", {}});
  gateway->handle(lost, effects);
  lost.ticket = tasks()[1].ticket;
  lost.reader = reader_id(1);
  gateway->handle(lost, effects);
  EXPECT_EQ(effects.frames.size(), 3U) << "the one that waited is answered too";
  EXPECT_EQ(last_error(), "unavailable");
  from_peer("p", HeadRequest{});
  EXPECT_EQ(last_error(), "unavailable");
  EXPECT_NE(last_reply().error->message.find("connection refused"), std::string::npos);
  from_peer("p", StatusRequest{});
  EXPECT_EQ(alerts("readers"), (std::vector<bool>{true}));
  // Both are probed once a second, or when a query comes, which then waits for the probe.
  effects.time += milliseconds(100);
  effects.frames.clear();
  from_peer("p", HeadRequest{});
  EXPECT_TRUE(effects.frames.empty());
  ASSERT_EQ(tasks().size(), 4U);
  EXPECT_TRUE(std::holds_alternative<ProbeTask>(tasks()[2].task));
  EXPECT_TRUE(std::holds_alternative<ProbeTask>(tasks()[3].task));
  answer_read(0, 0);
  ASSERT_EQ(tasks().size(), 5U);
  answer_read(tasks()[4].ticket, 0);
  EXPECT_EQ(last_error(), "ok");
  EXPECT_EQ(alerts("readers").size(), 1U);
  answer_read(0, 1);
  EXPECT_EQ(alerts("readers"), (std::vector<bool>{true, false}));
}

TEST_F(GatewayTest, WhatAReplicaDoesNotHaveYetIsWaitedForThenUnavailable) {
  start();
  from_peer("p", ProofRequest{5, {}});
  ReadAnswer behind;
  behind.ticket = tasks()[0].ticket;
  behind.wait = ReadWait::snapshot;
  behind.size = 5;
  behind.seen = 4;
  behind.task = tasks()[0];
  behind.message = encode_error_reply({}, {ErrorCode::unavailable, "behind", {}});
  gateway->handle(behind, effects);
  EXPECT_TRUE(effects.frames.empty());
  effects.time += milliseconds(1'001);
  gateway->handle(TimerFired{1}, effects);
  EXPECT_EQ(last_error(), "unavailable") << "not deadline_exceeded, not not_found";
}

TEST_F(GatewayTest, ACheckpointOfASizeIsWaitedFor) {
  start();
  CheckpointSigned checkpoint;
  checkpoint.checkpoint.tree_size = 4;
  gateway->handle(checkpoint, effects);
  PeerMessage message;
  message.envelope = {"p", ""};
  message.body =
      "\x84\xa1"
      "v\x01\xa2id\x07\xa2op\xaa"
      "checkpoint\xa8"
      "at_least\x05";
  gateway->handle(message, effects);
  EXPECT_TRUE(effects.frames.empty());
  checkpoint.checkpoint.tree_size = 6;
  gateway->handle(checkpoint, effects);
  ASSERT_EQ(effects.frames.size(), 1U);
  EXPECT_EQ(last_error(), "ok");
}

// Somebody asks in the first moment of a new ledger: the first signature is a few milliseconds away.
TEST_F(GatewayTest, TheFirstCheckpointIsWaitedFor) {
  start();
  from_peer("p", CheckpointRequest{});
  EXPECT_TRUE(effects.frames.empty());
  CheckpointSigned checkpoint;
  checkpoint.checkpoint.tree_size = 0;
  gateway->handle(checkpoint, effects);
  ASSERT_EQ(effects.frames.size(), 1U);
  EXPECT_EQ(last_error(), "ok");
}

TEST_F(GatewayTest, AFirstCheckpointThatDoesNotComeIsUnavailable) {
  start();
  from_peer("p", CheckpointRequest{});
  effects.time += milliseconds(1'001);
  gateway->handle(TimerFired{1}, effects);
  ASSERT_EQ(effects.frames.size(), 1U);
  EXPECT_EQ(last_reply().error->message, "no checkpoint has been signed yet");
  EXPECT_EQ(last_error(), "unavailable");
}

}  // namespace
}  // namespace vault
