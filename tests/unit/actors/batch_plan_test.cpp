#include "actors/batch_plan.hpp"

#include <gtest/gtest.h>

#include "actors/recent_seals.hpp"

namespace vault {
namespace {

Uuid id_of(std::uint8_t number) {
  Uuid id;
  id.bytes[15] = number;
  return id;
}

Seal make_seal(std::uint8_t number, const std::string& data = "{}") {
  Seal seal;
  seal.session_id = "s";
  seal.authority = "a";
  seal.seal_data = data;
  seal.seal_id = id_of(number);
  return seal;
}

PendingOrder make_order(Ticket ticket, std::vector<Seal> seals) {
  PendingOrder pending;
  pending.order.ticket = ticket;
  pending.order.seals = std::move(seals);
  return pending;
}

// The entries made from the plan's fresh seals.
std::vector<Entry> entries_of(const BatchPlan& plan) {
  LedgerState state;
  std::vector<SealInput> inputs;
  for (const Seal* seal : plan.fresh()) inputs.push_back({seal, {}});
  return sequence_seals(state, inputs, Timestamp{1}).entries;
}

TEST(BatchPlan, FreshSealsBecomeEntriesInOrder) {
  BatchPlan plan;
  PendingOrder one = make_order(1, {make_seal(1)});
  PendingOrder two = make_order(2, {make_seal(2), make_seal(3)});
  ASSERT_TRUE(plan.add(one));
  ASSERT_TRUE(plan.add(two));
  ASSERT_EQ(plan.fresh_count(), 3U);
  const auto entries = entries_of(plan);
  const auto receipts = plan.receipts(1, entries);
  ASSERT_EQ(receipts.size(), 2U);
  EXPECT_EQ(receipts[0].entry.sequence, 2);
  EXPECT_EQ(receipts[1].entry.sequence, 3);
  EXPECT_FALSE(receipts[1].duplicate);
  EXPECT_FALSE(receipts[0].entry.seal_data.has_value()) << "a receipt carries no payload";
}

TEST(BatchPlan, TheSecondOfTwoEqualSealsIsADuplicateWithinOneOrderAndAcrossOrders) {
  BatchPlan plan;
  PendingOrder one = make_order(1, {make_seal(1), make_seal(1)});
  PendingOrder two = make_order(2, {make_seal(1)});
  ASSERT_TRUE(plan.add(one));
  ASSERT_TRUE(plan.add(two));
  ASSERT_EQ(plan.fresh_count(), 1U);
  const auto entries = entries_of(plan);
  EXPECT_FALSE(plan.receipts(0, entries)[0].duplicate);
  EXPECT_TRUE(plan.receipts(0, entries)[1].duplicate);
  EXPECT_TRUE(plan.receipts(1, entries)[0].duplicate);
  EXPECT_EQ(plan.receipts(1, entries)[0].entry.sequence, 1);
}

TEST(BatchPlan, AConflictRefusesTheWholeOrderAndThatOrderAlone) {
  BatchPlan plan;
  PendingOrder one = make_order(1, {make_seal(1)});
  PendingOrder two = make_order(2, {make_seal(2), make_seal(1, R"({"other":1})")});
  PendingOrder three = make_order(3, {make_seal(2)});
  ASSERT_TRUE(plan.add(one));
  const Status refused = plan.add(two);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::seal_id_conflict);
  EXPECT_EQ(refused.error().field, "seals[1].seal_id");
  ASSERT_TRUE(plan.add(three)) << "nothing of the refused order may stay behind";
  EXPECT_EQ(plan.fresh_count(), 2U);
  EXPECT_EQ(plan.orders().size(), 2U);
}

TEST(BatchPlan, WhatTheLedgerHoldsAlreadyIsAnsweredFromThere) {
  BatchPlan plan;
  PendingOrder order = make_order(1, {make_seal(1), make_seal(2)});
  Entry stored;
  stored.sequence = 77;
  stored.session_id = "s";
  stored.authority = "a";
  stored.data_salt = Salt{3};
  stored.data_hash = compute_data_hash(*stored.data_salt, "{}");
  stored.seal_id = id_of(1);
  stored.entry_hash = compute_entry_hash(stored);
  stored.data_hash = Hash{};  // it is not read, but computed again
  order.known = {SealedEntry{stored, true}, FoundSeal(std::nullopt)};
  ASSERT_TRUE(plan.add(order));
  EXPECT_EQ(plan.fresh_count(), 1U);
  const auto receipts = plan.receipts(0, entries_of(plan));
  EXPECT_TRUE(receipts[0].duplicate);
  EXPECT_EQ(receipts[0].entry.sequence, 77);
  EXPECT_EQ(receipts[0].entry.data_hash, compute_data_hash(*stored.data_salt, "{}"));
  EXPECT_FALSE(receipts[1].duplicate);

  PendingOrder other = make_order(2, {make_seal(1, R"({"other":1})")});
  other.known = {SealedEntry{stored, true}};
  EXPECT_EQ(plan.add(other).error().code, ErrorCode::seal_id_conflict);
  other.known = {SealedEntry{stored, false}};
  EXPECT_EQ(plan.add(other).error().code, ErrorCode::internal);
  other.known = {FoundSeal(fail(ErrorCode::internal, "unreadable"))};
  EXPECT_EQ(plan.add(other).error().message, "unreadable");
}

TEST(RecentSeals, ForgetsTheOldestBeyondItsCapacity) {
  RecentSeals recent(2);
  recent.remember(id_of(1));
  recent.remember(id_of(2));
  recent.remember(id_of(2));
  EXPECT_TRUE(recent.contains(id_of(1)));
  recent.remember(id_of(3));
  EXPECT_FALSE(recent.contains(id_of(1)));
  EXPECT_TRUE(recent.contains(id_of(2)));
  EXPECT_TRUE(recent.contains(id_of(3)));
}

}  // namespace
}  // namespace vault
