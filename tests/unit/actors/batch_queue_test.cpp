#include "actors/batch_queue.hpp"

#include <gtest/gtest.h>

namespace vault {
namespace {

Uuid id_of(std::uint8_t number) {
  Uuid id;
  id.bytes[15] = number;
  return id;
}

// An order of one seal; 0 for one without a seal_id. Its ticket is the number.
PendingOrder order_of(std::uint8_t number, const std::string& data = "{}") {
  PendingOrder pending;
  pending.order.ticket = number;
  Seal seal;
  seal.session_id = "s";
  seal.authority = "a";
  seal.seal_data = data;
  if (number > 0) seal.seal_id = id_of(number);
  pending.order.seals.push_back(seal);
  pending.order.bytes = 100;
  return pending;
}

struct BatchQueueTest : testing::Test {
  BatchQueue queue{{.seals_max = 3, .bytes_max = 1'000, .recent_seals = 100}};
  std::vector<BatchQueue::Refused> refused;

  BatchPlan plan() {
    return queue.plan([] { return id_of(255); }, refused);
  }
  // Plans, and hands the batch to the committer.
  std::vector<Ticket> dispatch() {
    BatchPlan next = plan();
    std::vector<Ticket> tickets = tickets_of(next);
    if (!next.empty()) queue.dispatched({std::move(next), nullptr, {}});
    return tickets;
  }
  static std::vector<Ticket> tickets_of(const BatchPlan& plan) {
    std::vector<Ticket> tickets;
    for (const PendingOrder& pending : plan.orders()) tickets.push_back(pending.order.ticket);
    return tickets;
  }
  // An order that has been committed, and arrives again: a suspect.
  void seal_twice() {
    queue.push(order_of(1));
    dispatch();
    queue.take_front();
    queue.push(order_of(1));
    dispatch();
  }
  void find_nothing() {
    const auto find = queue.begin_look_up();
    ASSERT_TRUE(find);
    queue.found(std::vector<FoundSeal>(find->seal_ids.size(), FoundSeal(std::nullopt)), 0);
  }
};

using Tickets = std::vector<Ticket>;

TEST_F(BatchQueueTest, ABatchEndsWhereTheNextOrderDoesNotFit) {
  for (std::uint8_t number = 1; number <= 4; ++number) queue.push(order_of(number));
  EXPECT_EQ(dispatch(), (Tickets{1, 2, 3}));
  EXPECT_EQ(dispatch(), (Tickets{4}));
  EXPECT_EQ(dispatch(), Tickets{});
  EXPECT_EQ(queue.seals_in_flight(), 4U);
}

TEST_F(BatchQueueTest, WhatIsRequeuedComesFirstAndInItsOrder) {
  for (std::uint8_t number = 1; number <= 5; ++number) queue.push(order_of(number));
  dispatch();
  dispatch();
  queue.requeue_all(false);
  EXPECT_EQ(queue.in_flight(), 0U);
  EXPECT_EQ(queue.queued(), 5U);
  // Their seal_ids have been seen: they are suspects, and come back from a look-up in their order.
  EXPECT_EQ(dispatch(), Tickets{});
  find_nothing();
  find_nothing();
  EXPECT_EQ(queue.waiting(), 5U);
}

TEST_F(BatchQueueTest, OrdersThatAreToBeAloneShareWithNobody) {
  PendingOrder alone = order_of(2);
  alone.alone = true;
  queue.push(order_of(1));
  queue.push(std::move(alone));
  queue.push(order_of(3));
  EXPECT_EQ(dispatch(), (Tickets{1}));
  EXPECT_EQ(dispatch(), (Tickets{2}));
  EXPECT_EQ(dispatch(), (Tickets{3}));
}

TEST_F(BatchQueueTest, ASuspectWaitsForWhatWasInFlightWhenItCame) {
  queue.push(order_of(1));
  dispatch();
  queue.push(order_of(1));
  EXPECT_EQ(dispatch(), Tickets{});
  EXPECT_FALSE(queue.begin_look_up()) << "its twin may be in the batch";
  queue.take_front();
  EXPECT_TRUE(queue.begin_look_up());
}

TEST_F(BatchQueueTest, AContradictionInAPlanWaitsUntilThePlanHasCompleted) {
  queue.push(order_of(1));
  queue.push(order_of(1, R"({"other":1})"));
  EXPECT_EQ(dispatch(), (Tickets{1}));
  EXPECT_FALSE(queue.begin_look_up()) << "whose seal_id it is shows when the first is in the ledger";
  queue.take_front();
  EXPECT_TRUE(queue.begin_look_up());
}

TEST_F(BatchQueueTest, ALookUpThatFailedWaitsForLeave) {
  seal_twice();
  ASSERT_TRUE(queue.begin_look_up());
  EXPECT_FALSE(queue.begin_look_up()) << "one at a time";
  queue.look_up_failed();
  EXPECT_FALSE(queue.begin_look_up());
  queue.allow_look_ups();
  EXPECT_TRUE(queue.begin_look_up());
}

TEST_F(BatchQueueTest, AnEntryBeyondWhatIsDurableAnswersNobody) {
  seal_twice();
  ASSERT_TRUE(queue.begin_look_up());
  SealedEntry beyond;
  beyond.entry.sequence = 2;
  queue.found({FoundSeal(beyond)}, 1);
  EXPECT_EQ(queue.queued(), 0U);
  EXPECT_EQ(queue.waiting(), 1U);
  EXPECT_FALSE(queue.begin_look_up()) << "not before the next tick";
}

TEST_F(BatchQueueTest, ItKnowsWhereALookUpFoundNothingAndNothingElseWasOnItsWay) {
  seal_twice();
  find_nothing();
  ASSERT_EQ(dispatch(), (Tickets{1}));
  EXPECT_TRUE(queue.front_was_looked_up());
}

TEST_F(BatchQueueTest, RequestsAreTakenOutAndIngestStays) {
  queue.push(order_of(1));
  PendingOrder ingest = order_of(2);
  ingest.order.ingest = true;
  queue.push(std::move(ingest));
  const std::vector<PendingOrder> taken = queue.take_requests();
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0].order.ticket, 1U);
  EXPECT_EQ(queue.queued(), 1U);
}

TEST_F(BatchQueueTest, WhatIsSetAsideIsInNobodysWayAndComesBackOneByOne) {
  queue.set_aside(order_of(1));
  queue.set_aside(order_of(2));
  EXPECT_TRUE(queue.drained());
  EXPECT_EQ(queue.waiting(), 2U);
  queue.take_back_set_aside(1);
  EXPECT_EQ(queue.queued(), 1U);
}

TEST_F(BatchQueueTest, AllAreRefusedOnceEachHasBeenSinceTheLastCommit) {
  PendingOrder one = order_of(1);
  one.refused_after = 5;
  queue.push(std::move(one));
  EXPECT_TRUE(queue.all_refused_since(5));
  EXPECT_FALSE(queue.all_refused_since(6));
  queue.push(order_of(2));
  EXPECT_FALSE(queue.all_refused_since(5));
}

}  // namespace
}  // namespace vault
