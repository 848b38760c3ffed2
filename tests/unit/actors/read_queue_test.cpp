#include "actors/read_queue.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

namespace vault {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ReadQueueTest : public ::testing::Test {
 protected:
  Ticket ask(const std::string& peer, bool verify = false) {
    ReadTask task;
    task.ticket = ++ticket_;
    task.task = HeadRequest{};
    if (verify) task.task = VerifyRangeRequest{};
    last_ = queue_.add(peer, {}, std::move(task), now_);
    return ticket_;
  }
  Ticket sign(const std::string& peer, std::int64_t sequence) {
    const Ticket ticket = ++ticket_;
    last_ = queue_.expect_signed(peer, {}, ticket, 1);
    ReadTask task;
    task.ticket = ticket;
    task.task = SignTask{};
    queue_.sign(std::move(task), sequence);
    return ticket;
  }
  void checkpoint(std::int64_t size) {
    StoredCheckpoint checkpoint;
    checkpoint.tree_size = size;
    queue_.on_checkpoint(std::make_shared<const StoredCheckpoint>(checkpoint));
  }
  // The ticket that is run next; 0 if there is none. Uses the reader that ran the previous one.
  Ticket run(milliseconds takes = milliseconds(1)) {
    auto start = queue_.next(now_);
    if (!start) return 0;
    now_ += takes;
    ReadAnswer answer;
    answer.ticket = start->task.ticket;
    answer.reader = reader_id(start->reader);
    answer.seen = seen_;
    answer.replica = replica_;
    queue_.answered(std::move(answer), now_);
    return start->task.ticket;
  }
  ReadAnswer answer_of(const ReadQueue::Start& start, ReadWait wait, std::int64_t size = 0) {
    ReadAnswer answer;
    answer.ticket = start.task.ticket;
    answer.reader = reader_id(start.reader);
    answer.wait = wait;
    answer.size = size;
    answer.message = "late";
    answer.seen = seen_;
    answer.replica = replica_;
    answer.task = start.task;
    return answer;
  }

  ReadLimits limits_{.readers = 1, .questions_max = 30, .receipts_max = 30, .probes = false};
  ReadQueue queue_{limits_};
  ReadQueue::Instant now_{seconds(1'000)};
  Ticket ticket_ = 0;
  std::int64_t seen_ = -1;
  bool replica_ = true;
  Status last_;
};

TEST_F(ReadQueueTest, PeersTakeTurns) {
  const Ticket first = ask("many"), second = ask("many"), third = ask("many"), other = ask("one");
  EXPECT_EQ(run(), first);
  EXPECT_EQ(run(), other);
  EXPECT_EQ(run(), second);
  EXPECT_EQ(run(), third);
  EXPECT_EQ(run(), 0U);
}

TEST_F(ReadQueueTest, OnePeerLeavesRoomForOthers) {
  while (ask("greedy"), last_) {
  }
  EXPECT_EQ(last_.error().code, ErrorCode::busy);
  EXPECT_EQ(ticket_, 21U) << "two thirds of 30";
  for (int i = 0; i < 6; ++i) ask("second");
  EXPECT_TRUE(last_);
  ask("second");
  EXPECT_FALSE(last_);
  for (int i = 0; i < 4; ++i) {
    ask("other " + std::to_string(i));
    EXPECT_TRUE(last_);
  }
  ask("too late");
  EXPECT_FALSE(last_);
  run();
  ask("too late");
  EXPECT_TRUE(last_) << "an answer makes room";
}

TEST_F(ReadQueueTest, AFloodOfSignedReceiptsHoldsUpNoQuestionNorTheOtherWay) {
  checkpoint(1'000);
  for (int i = 0; i < 20; ++i) sign("flood", 1);
  EXPECT_TRUE(last_);
  run();
  const Ticket question = ask("other");
  EXPECT_EQ(run(), question);
  for (int i = 0; i < 10; ++i) ask("other");
  int signed_receipts = 0;
  for (int i = 0; i < 10; ++i) signed_receipts += run() <= 20 ? 1 : 0;
  EXPECT_EQ(signed_receipts, 5) << "equal shares";
}

TEST_F(ReadQueueTest, SignedReceiptsAreBoundedFromAdmissionToReply) {
  for (int i = 0; i < 20; ++i) sign("p", 1);
  EXPECT_TRUE(last_);
  EXPECT_EQ(queue_.expect_signed("p", {}, 100, 1).error().code, ErrorCode::busy);
  EXPECT_TRUE(queue_.expect_signed("q", {}, 101, 10)) << "a batch as large as what is left, of one who holds nothing";
  EXPECT_FALSE(queue_.expect_signed("r", {}, 102, 1));
  queue_.drop(101);
  EXPECT_TRUE(queue_.expect_signed("r", {}, 103, 1));
}

TEST_F(ReadQueueTest, ReceiptsWaitForTheirCheckpoint) {
  const Ticket late = sign("p", 9), early = sign("p", 5);
  EXPECT_EQ(run(), 0U);
  checkpoint(5);
  EXPECT_EQ(run(), early);
  EXPECT_EQ(run(), 0U);
  queue_.drop(late);
  checkpoint(9);
  EXPECT_EQ(run(), 0U) << "out of time meanwhile";
}

// One reader, a verification of hours: the others wait for one turn of it, and get half of the time.
TEST_F(ReadQueueTest, AVerificationGivesItsReaderBack) {
  const Ticket verification = ask("v", true);
  for (int i = 0; i < 100; ++i) {
    auto start = queue_.next(now_);
    ASSERT_TRUE(start);
    EXPECT_EQ(start->task.ticket, verification);
    now_ += milliseconds(50);
    EXPECT_FALSE(queue_.answered(answer_of(*start, ReadWait::turn), now_));
    const Ticket question = ask("q");
    EXPECT_EQ(run(milliseconds(50)), question);
  }
}

TEST_F(ReadQueueTest, VerificationsAreFew) {
  ask("a", true), ask("a", true);
  EXPECT_TRUE(last_);
  ask("a", true);
  EXPECT_EQ(last_.error().code, ErrorCode::busy);
  ask("b", true), ask("b", true);
  EXPECT_TRUE(last_);
  ask("c", true);
  EXPECT_EQ(last_.error().code, ErrorCode::busy);
  queue_.drop(1);
  ask("c", true);
  EXPECT_TRUE(last_);
}

TEST_F(ReadQueueTest, APeerThatHasGoneIsForgotten) {
  const Ticket running = ask("p"), waiting = ask("p"), parked = sign("p", 7);
  auto start = queue_.next(now_);
  EXPECT_EQ(start->task.ticket, running);
  EXPECT_EQ(queue_.drop_peer("p").size(), 3U);
  EXPECT_FALSE(queue_.answered(answer_of(*start, ReadWait::turn), now_));
  checkpoint(7);
  EXPECT_EQ(run(), 0U);
  EXPECT_EQ(queue_.connection("p"), nullptr);
  (void)waiting, (void)parked;
}

TEST_F(ReadQueueTest, OneProbeLooksForAllWhoWaitForASnapshot) {
  seen_ = 10;
  std::vector<Ticket> asked;
  for (int i = 0; i < 5; ++i) asked.push_back(ask("p"));
  for (int i = 0; i < 5; ++i) {
    auto start = queue_.next(now_);
    ASSERT_TRUE(start);
    EXPECT_FALSE(queue_.answered(answer_of(*start, ReadWait::snapshot, 20 + i), now_));
  }
  EXPECT_EQ(queue_.excuse(asked[0]), "late");
  EXPECT_FALSE(queue_.next(now_)) << "not at once";
  int probes = 0;
  for (const auto begin = now_; now_ - begin < seconds(2); now_ += milliseconds(1))
    probes += queue_.due() <= now_ && run(milliseconds(0)) == 0;
  EXPECT_GE(probes, 10);
  EXPECT_LE(probes, 20) << "with back-off";
  seen_ = 21;
  now_ += seconds(1);
  EXPECT_EQ(run(), 0U);  // the probe
  EXPECT_EQ(run(), asked[0]);
  EXPECT_EQ(run(), asked[1]);
  EXPECT_EQ(run(), 0U);
  EXPECT_EQ(queue_.excuse(asked[0]), "");
  EXPECT_EQ(queue_.excuse(asked[2]), "late");
}

TEST_F(ReadQueueTest, WhatIsNoReplicaIsWaitedForOnlyAMoment) {
  seen_ = 10;
  replica_ = false;
  ask("p");
  auto start = queue_.next(now_);
  EXPECT_FALSE(queue_.answered(answer_of(*start, ReadWait::snapshot, 20), now_));
  now_ += milliseconds(500);
  EXPECT_EQ(run(), 0U);
  EXPECT_FALSE(queue_.next(now_));
  now_ += milliseconds(600);
  EXPECT_EQ(run(), 0U);
  start = queue_.next(now_);
  ASSERT_TRUE(start);
  EXPECT_TRUE(start->task.insist);
}

TEST_F(ReadQueueTest, WhatATaskWaitsForStaysWhatItWas) {
  checkpoint(10);
  ask("p");
  auto start = queue_.next(now_);
  EXPECT_EQ(start->task.told, 10);
  ReadAnswer answer = answer_of(*start, ReadWait::snapshot, 10);
  answer.task->pinned = true;
  EXPECT_FALSE(queue_.answered(std::move(answer), now_));
  checkpoint(20);
  seen_ = 10;
  now_ += seconds(1);
  EXPECT_EQ(run(), 0U);
  start = queue_.next(now_);
  ASSERT_TRUE(start);
  EXPECT_EQ(start->task.checkpoint->tree_size, 10);
}

TEST_F(ReadQueueTest, AReceiptWaitsForAReaderWithADatabase) {
  checkpoint(5);
  const Ticket ticket = sign("p", 5);
  auto start = queue_.next(now_);
  ASSERT_TRUE(start);
  ReadAnswer answer = answer_of(*start, ReadWait::none);
  answer.lost = "gone";
  EXPECT_FALSE(queue_.answered(std::move(answer), now_));
  EXPECT_FALSE(queue_.next(now_)) << "its only reader has none";
  EXPECT_EQ(queue_.excuse(ticket), "late");
  EXPECT_TRUE(queue_.take_stranded(now_).empty());
}

TEST_F(ReadQueueTest, AReaderThatSaysNothingCountsAsLost) {
  ask("p");
  auto start = queue_.next(now_);
  now_ += seconds(9);
  EXPECT_EQ(queue_.health(now_).lost, 0U);
  now_ += seconds(2);
  EXPECT_EQ(queue_.health(now_).lost, 1U);
  ask("p");
  EXPECT_EQ(last_.error().code, ErrorCode::unavailable);
  EXPECT_TRUE(queue_.answered(answer_of(*start, ReadWait::none), now_));
  EXPECT_EQ(queue_.health(now_).lost, 0U);
}

TEST(PeerConnection, ClosedIsClosedAlsoWhereTheNumberIsUsedAgain) {
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  const PeerConnection connection = connection_of(pair[0]);
  EXPECT_EQ(connection.descriptor, pair[0]);
  EXPECT_FALSE(is_closed(connection));
  ::close(pair[0]);
  EXPECT_TRUE(is_closed(connection));
  int again[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, again), 0);
  EXPECT_EQ(again[0], pair[0]);
  EXPECT_TRUE(is_closed(connection));
  EXPECT_FALSE(is_closed(PeerConnection{}));
  for (const int one : {pair[1], again[0], again[1]}) ::close(one);
}

}  // namespace
}  // namespace vault
