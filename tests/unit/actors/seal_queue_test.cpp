#include "actors/seal_queue.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace vault {
namespace {

class SealQueueTest : public ::testing::Test {
 protected:
  static SealOrder order(Ticket ticket, std::size_t seals = 1) {
    SealOrder order;
    order.ticket = ticket;
    order.seals.resize(seals);
    order.bytes = 10 * seals;
    return order;
  }
  void push(const std::string& producer, Ticket ticket, std::size_t seals = 1) {
    queue_.push(producer, order(ticket, seals));
  }
  std::vector<Ticket> next() {
    std::vector<Ticket> tickets;
    for (const SealOrder& one : queue_.next()) tickets.push_back(one.ticket);
    return tickets;
  }

  SealQueue queue_{{.seals_max = 80, .bytes_max = 800, .writer_seals_max = 4}};
};

using Tickets = std::vector<Ticket>;

TEST_F(SealQueueTest, ProducersTakeTurnsAndKeepTheirOrder) {
  for (Ticket ticket = 1; ticket <= 3; ++ticket) push("busy", ticket);
  push("other", 4);
  EXPECT_EQ(next(), (Tickets{1, 4, 2, 3}));
}

TEST_F(SealQueueTest, TheWriterGetsNoMoreThanItHasRoomFor) {
  for (Ticket ticket = 1; ticket <= 6; ++ticket) push("a", ticket);
  EXPECT_EQ(next(), (Tickets{1, 2, 3, 4}));
  EXPECT_EQ(next(), Tickets{});
  EXPECT_EQ(queue_.at_writer(), 4U);
  queue_.answered("a", 1, 10);
  EXPECT_EQ(next(), Tickets{5});
  EXPECT_EQ(queue_.seals(), 5U);
}

// It is passed on whole, since it is one transaction.
TEST_F(SealQueueTest, AnOrderLargerThanTheWindowGoesWhenTheWindowIsOpen) {
  push("a", 1, 20);
  push("a", 2);
  EXPECT_EQ(next(), Tickets{1});
  queue_.answered("a", 20, 200);
  EXPECT_EQ(next(), Tickets{2});
}

TEST_F(SealQueueTest, AProducerThatHoldsMuchIsRefusedBeforeOneThatHoldsLittle) {
  push("modest", 1);
  push("greedy", 2, 69);
  EXPECT_EQ(queue_.admit("greedy", 1, 0).error().code, ErrorCode::busy);  // 70 of 80 are everybody's
  EXPECT_TRUE(queue_.admit("modest", 9, 0));
  EXPECT_TRUE(queue_.admit("new", 10, 0));
  EXPECT_FALSE(queue_.admit("new", 11, 0));
  EXPECT_FALSE(queue_.has_room());
}

TEST_F(SealQueueTest, AProducerThatIsAloneMayFillTheQueue) {
  push("alone", 1, 79);
  EXPECT_TRUE(queue_.admit("alone", 1, 10));
  EXPECT_FALSE(queue_.admit("alone", 2, 10));
  EXPECT_FALSE(queue_.admit("alone", 1, 11));
}

TEST_F(SealQueueTest, NarrowerLimitsDropNothing) {
  push("a", 1, 40);
  queue_.set_limits(10, 100);
  EXPECT_FALSE(queue_.admit("b", 1, 1));
  EXPECT_EQ(next(), Tickets{1});
}

TEST_F(SealQueueTest, WhatStandsBehindAMessageThatIsBeingDecodedWaits) {
  queue_.reserve("a", 1, 100);
  push("a", 2);
  push("b", 3);
  EXPECT_EQ(next(), Tickets{3});
  EXPECT_EQ(queue_.seals(), 3U);
  EXPECT_EQ(queue_.bytes(), 120U);
  queue_.count_off("a", 1, 100);
  queue_.fill("a", order(1, 2));
  queue_.close_place("a", 1);
  EXPECT_EQ(next(), (Tickets{1, 2}));
}

TEST_F(SealQueueTest, AMessageThatBroughtNoSealGivesUpItsPlace) {
  queue_.reserve("a", 1, 100);
  push("a", 2);
  queue_.count_off("a", 1, 100);
  queue_.close_place("a", 1);
  EXPECT_EQ(next(), Tickets{2});
  queue_.reserve("gone", 3, 100);
  queue_.count_off("gone", 1, 100);
  queue_.close_place("gone", 3);
  queue_.answered("a", 1, 10);
  EXPECT_EQ(queue_.seals(), 0U);
  EXPECT_EQ(queue_.bytes(), 0U);
}

// Compared with a separate count: in whatever order orders arrive, each producer's leave in their order, once each.
TEST_F(SealQueueTest, EveryOrderLeavesOnceAndInItsProducersOrder) {
  std::mt19937 random(7);
  std::map<Ticket, std::pair<std::string, std::size_t>> inside;
  std::map<std::string, Ticket> last;
  std::vector<Ticket> with_writer;
  Ticket ticket = 0;
  for (int step = 0; step < 20'000; ++step) {
    const std::string producer(1, static_cast<char>('a' + random() % 5));
    const std::size_t seals = 1 + random() % 3;
    if (random() % 2 == 0 && queue_.admit(producer, seals, 10 * seals)) {
      push(producer, ++ticket, seals);
      inside[ticket] = {producer, seals};
    }
    for (const Ticket one : next()) {
      Ticket& before = last[inside.at(one).first];
      ASSERT_LT(before, one);
      before = one;
      with_writer.push_back(one);
    }
    if (!with_writer.empty() && random() % 2 == 0) {
      const Ticket one = with_writer[random() % with_writer.size()];
      std::erase(with_writer, one);
      const auto [owner, size] = inside.extract(one).mapped();
      queue_.answered(owner, size, 10 * size);
    }
    std::size_t held = 0;
    for (const auto& [id, what] : inside) held += what.second;
    ASSERT_EQ(queue_.seals(), held);
    ASSERT_LE(held, 80U);
  }
  EXPECT_GT(ticket, 5'000U);
}

}  // namespace
}  // namespace vault
