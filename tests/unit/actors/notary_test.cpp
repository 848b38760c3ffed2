#include "tests/unit/actors/notary_fixture.hpp"

namespace vault {
namespace {

TEST_F(NotaryTest, SignsWhatIsDurableAndRemembersItFirst) {
  ASSERT_EQ(adopt(0), Outcome::agreed);
  round();
  EXPECT_EQ(last_signed(), 0);
  commit(0, 3);
  round();
  EXPECT_EQ(last_signed(), 3);
  EXPECT_EQ(remembered(), 3);
  const auto last = effects_.messages<CheckpointSigned>(ActorId::publisher).back();
  ASSERT_TRUE(last.event);
  EXPECT_EQ(last.event->previous_size, 0);
  commit(3, 8);
  round();
  const auto next = effects_.messages<CheckpointSigned>(ActorId::publisher).back();
  EXPECT_TRUE(verify_consistency(3, 8, ledger(3).root(), ledger(8).root(), next.event->consistency));
}

TEST_F(NotaryTest, SignsNothingOnceTheLeaseIsNotConfirmed) {
  ASSERT_EQ(adopt(0), Outcome::agreed);
  round();
  commit(0, 3);
  lease_is_ours_ = false;
  round();
  EXPECT_EQ(last_signed(), 0);
  EXPECT_EQ(remembered(), 0);
  lease_is_ours_ = true;
  round();
  EXPECT_EQ(last_signed(), 3);
}

// An answer does not cover entries that became durable only after the request.
TEST_F(NotaryTest, SignsOnlyWhatWasDurableBeforeTheLeaseWasConfirmed) {
  ASSERT_EQ(adopt(0), Outcome::agreed);
  round();
  commit(0, 3);
  effects_.time += std::chrono::seconds(1);
  answered_ = effects_.sent.size();
  notary_->round_done(effects_);
  commit(3, 5);
  answer();
  EXPECT_EQ(last_signed(), 3);
  round();
  EXPECT_EQ(last_signed(), 5);
}

TEST_F(NotaryTest, AnAnswerForAnotherEpochSignsNothing) {
  ASSERT_EQ(adopt(0), Outcome::agreed);
  round();
  commit(0, 3);
  effects_.time += std::chrono::seconds(1);
  notary_->round_done(effects_);
  notary_->handle(LeaseConfirmed{epoch_ - 1, 3, {}}, effects_);
  EXPECT_EQ(last_signed(), 0);
  notary_->handle(Epoch{++epoch_}, effects_);
  notary_->handle(LeaseConfirmed{epoch_ - 1, 3, {}}, effects_);
  EXPECT_EQ(last_signed(), 0);
}

// --- Receipts --------------------------------------------------------------------------------------------------------

TEST_F(NotaryTest, AReceiptIsAPromiseBeforeItIsSigned) {
  common_ = 3;
  ASSERT_EQ(adopt(3), Outcome::agreed);
  round();
  commit(3, 5);
  // Before anything is signed, the database is swapped for one that lacks the last two, and has others in their place.
  EXPECT_EQ(adopt(3), Outcome::refused);
  EXPECT_TRUE(raised("rollback"));
  history_ = "b";
  EXPECT_EQ(adopt(6), Outcome::refused);
  // Another process on the same state directory knows too.
  restart();
  EXPECT_EQ(adopt(6), Outcome::refused);
  EXPECT_TRUE(disk_.told_durably);
  history_ = "a";
  restart();
  EXPECT_EQ(adopt(5), Outcome::agreed);
}

// --- A state directory that cannot be written ------------------------------------------------------------------------

TEST_F(NotaryTest, WhatCannotBeRememberedIsNotReleasedAndSaysSo) {
  ASSERT_EQ(adopt(0), Outcome::agreed);
  round();
  disk_.writable = false;
  commit(0, 3);
  round();
  EXPECT_FALSE(raised("checkpoint")) << "once may be chance";
  for (int i = 0; i < 7; ++i) {
    effects_.time += std::chrono::seconds(1);
    round();
  }
  EXPECT_TRUE(raised("checkpoint"));
  EXPECT_EQ(last_signed(), 0);
  auto states = effects_.messages<SigningState>(ActorId::writer);
  ASSERT_EQ(states.size(), 1U);
  EXPECT_TRUE(states.back().impossible);
  disk_.writable = true;
  effects_.time += std::chrono::seconds(1);
  round();
  EXPECT_EQ(last_signed(), 3);
  EXPECT_FALSE(raised("checkpoint"));
  states = effects_.messages<SigningState>(ActorId::writer);
  EXPECT_FALSE(states.back().impossible);
}

// --- Storing ---------------------------------------------------------------------------------------------------------

// The answer to a store from before the lease was lost and regained says nothing about the present store.
TEST_F(NotaryTest, TakesNoLateAnswerForTheOneItWaitsFor) {
  ASSERT_EQ(adopt(0), Outcome::agreed);
  round();
  ASSERT_EQ(adopt(0), Outcome::agreed);
  ASSERT_EQ(effects_.messages<StoreCheckpoint>(ActorId::coordinator).size(), 1U);
  effects_.time += std::chrono::seconds(1);
  EXPECT_FALSE(notary_->stop(effects_));
  ASSERT_EQ(effects_.messages<StoreCheckpoint>(ActorId::coordinator).size(), 2U);
  notary_->handle(StoreCheckpointAnswer{1, 0, fail(ErrorCode::forbidden, "another writer has taken over")}, effects_);
  EXPECT_FALSE(notary_->stop(effects_));
  notary_->handle(StoreCheckpointAnswer{2, 0, std::optional<StoredCheckpoint>()}, effects_);
  EXPECT_TRUE(notary_->stop(effects_));
}

TEST_F(NotaryTest, AnotherCheckpointInItsPlaceIsASplitWhereThisKeySignedIt) {
  ASSERT_EQ(adopt(0), Outcome::agreed);
  commit(0, 3);
  round();
  StoredCheckpoint other = signed_checkpoint(log_name, tree_of(3, "b"));
  notary_->handle(StoreCheckpointAnswer{epoch_, 3, std::optional(other)}, effects_);
  EXPECT_TRUE(raised("split"));
  EXPECT_EQ(effects_.messages<Adopted>(ActorId::writer).back().outcome, Outcome::refused);
  EXPECT_EQ(disk_.evidence.size(), 1U);
  commit(3, 5);
  round();
  EXPECT_EQ(last_signed(), 3);
}

TEST_F(NotaryTest, ARowThatSomebodyElseMadeIsToldAndStopsNobody) {
  ASSERT_EQ(adopt(0), Outcome::agreed);
  commit(0, 3);
  round();
  StoredCheckpoint junk = signed_checkpoint("other.example", tree_of(3, "b"));
  notary_->handle(StoreCheckpointAnswer{epoch_, 3, std::optional(junk)}, effects_);
  EXPECT_TRUE(raised("tamper"));
  commit(3, 5);
  round();
  EXPECT_EQ(last_signed(), 5);
}

// After an outage, the writer resolves its doubt with a new epoch: a request with the old one is answered that another
// writer has taken over. Neither that nor the outage is a fault of the stored data.
TEST_F(NotaryTest, AnOutageAndAnEpochThatHasMovedAreNoFaultOfStoring) {
  ASSERT_EQ(adopt(0), Outcome::agreed);
  for (std::size_t size = 1; size <= 12; ++size) {
    commit(size - 1, size);
    round();
    const auto code = size < 5 ? ErrorCode::unavailable : ErrorCode::forbidden;
    const auto stored = effects_.messages<StoreCheckpoint>(ActorId::coordinator);
    notary_->handle(StoreCheckpointAnswer{epoch_, stored.back().checkpoint.tree_size, fail(code, "not now")}, effects_);
  }
  EXPECT_GE(effects_.messages<StoreCheckpoint>(ActorId::coordinator).size(), 10U);
  EXPECT_FALSE(raised("checkpoint"));
}

TEST_F(NotaryTest, WhatTheDatabaseRefusesAgainAndAgainIsToldWhateverComesBetween) {
  ASSERT_EQ(adopt(0), Outcome::agreed);
  for (std::size_t size = 1; size <= 12; ++size) {
    commit(size - 1, size);
    round();
    const auto code = size % 5 == 0 ? ErrorCode::unavailable : ErrorCode::internal;
    const auto stored = effects_.messages<StoreCheckpoint>(ActorId::coordinator);
    notary_->handle(StoreCheckpointAnswer{epoch_, stored.back().checkpoint.tree_size, fail(code, "refused")}, effects_);
  }
  EXPECT_TRUE(raised("checkpoint"));
  notary_->round_done(effects_);
  commit(12, 13);
  round();
  EXPECT_TRUE(raised("checkpoint"));
  const auto stored = effects_.messages<StoreCheckpoint>(ActorId::coordinator);
  notary_->handle(StoreCheckpointAnswer{epoch_, stored.back().checkpoint.tree_size, std::optional<StoredCheckpoint>()},
                  effects_);
  EXPECT_FALSE(raised("checkpoint"));
}

}  // namespace
}  // namespace vault
