// Remembered promises, and whether a ledger keeps them.
#include <gtest/gtest.h>

#include <string>

#include "actors/identity_choice.hpp"
#include "actors/promise_check.hpp"
#include "actors/promise_memory.hpp"
#include "ledger/announcement.hpp"
#include "tests/unit/actors/notes_in_memory.hpp"

namespace vault {
namespace {

constexpr const char* log_name = "log.example";

Head head_of(const Frontier& tree) {
  Head head;
  head.sequence = static_cast<std::int64_t>(tree.size());
  head.merkle_root = tree.root();
  return head;
}

// The answer of the ledger of `history`.
std::vector<Hash> roots_of(const PromiseCheck& check, const std::string& history, std::size_t common = 0) {
  std::vector<Hash> roots;
  for (const std::uint64_t size : check.request().sizes) roots.push_back(tree_of(size, history, common).root());
  return roots;
}

TEST(PromiseMemory, KeepsWhatItIsGivenOverARestart) {
  NotesInMemory disk;
  const StoredCheckpoint first = signed_checkpoint(log_name, tree_of(3)),
                         second = signed_checkpoint(log_name, tree_of(5));
  const StoredCheckpoint other = signed_checkpoint(log_name, tree_of(4, "b"));
  PromiseMemory memory(disk);
  ASSERT_TRUE(memory.load());
  EXPECT_FALSE(memory.checkpoint());
  ASSERT_TRUE(memory.remember(first));
  ASSERT_TRUE(memory.remember(second));
  ASSERT_TRUE(memory.keep_evidence(other));
  ASSERT_TRUE(memory.keep_evidence(other));
  memory.tell(log_name, 6, tree_of(6).root());
  memory.tell(log_name, 5, tree_of(5).root());  // older: forgotten at once
  ASSERT_TRUE(memory.write_told(false));
  PromiseMemory again(disk);
  ASSERT_TRUE(again.load());
  EXPECT_EQ(again.checkpoint()->note, second.note);
  ASSERT_EQ(again.evidence().size(), 1U);
  EXPECT_EQ(again.evidence().front().note, other.note);
  ASSERT_TRUE(again.told());
  EXPECT_EQ(again.told()->tree_size, 6);
  EXPECT_EQ(again.told()->root, tree_of(6).root());
}

TEST(PromiseMemory, OfAnotherOriginIsKeptBesideAndNotLost) {
  NotesInMemory disk;
  PromiseMemory memory(disk);
  ASSERT_TRUE(memory.load());
  const StoredCheckpoint old = signed_checkpoint("old.example", tree_of(9));
  ASSERT_TRUE(memory.remember(old));
  ASSERT_TRUE(memory.remember(signed_checkpoint(log_name, tree_of(2, "b"))));
  ASSERT_EQ(disk.evidence.size(), 1U);
  EXPECT_EQ(disk.evidence.front(), old.note);
}

TEST(PromiseMemory, NeverForgetsByFailing) {
  NotesInMemory disk;
  PromiseMemory memory(disk);
  ASSERT_TRUE(memory.load());
  const StoredCheckpoint first = signed_checkpoint(log_name, tree_of(3));
  ASSERT_TRUE(memory.remember(first));
  disk.writable = false;
  EXPECT_FALSE(memory.remember(signed_checkpoint(log_name, tree_of(4))));
  EXPECT_FALSE(memory.keep_evidence(signed_checkpoint(log_name, tree_of(2, "b"))));
  EXPECT_EQ(*disk.checkpoint, first.note);
  ASSERT_TRUE(memory.load());
  EXPECT_EQ(memory.checkpoint()->tree_size, 4);
  EXPECT_EQ(memory.evidence().size(), 1U);
  memory.tell(log_name, 7, tree_of(7).root());
  EXPECT_FALSE(memory.write_told(true));
  disk.writable = true;
  EXPECT_TRUE(memory.write_told(true));
  EXPECT_TRUE(disk.told_durably);
}

TEST(PromiseMemory, WhatCannotBeReadIsNotTakenForNothing) {
  NotesInMemory disk;
  disk.checkpoint = "no checkpoint at all\n";
  PromiseMemory memory(disk);
  EXPECT_EQ(memory.load().error().code, ErrorCode::invalid_argument);
  EXPECT_FALSE(memory.load());
  // A power failure may leave half of an acknowledged head; it promises nothing that a checkpoint does not.
  NotesInMemory torn;
  PromiseMemory writer(torn);
  ASSERT_TRUE(writer.load());
  writer.tell(log_name, 7, tree_of(7).root());
  ASSERT_TRUE(writer.write_told(true));
  torn.told->resize(torn.told->size() / 2);
  PromiseMemory reader(torn);
  ASSERT_TRUE(reader.load());
  EXPECT_FALSE(reader.told());
}

TEST(PromiseMemory, EvidenceIsBounded) {
  NotesInMemory disk;
  PromiseMemory memory(disk);
  ASSERT_TRUE(memory.load());
  for (std::size_t i = 0; i < contradictions_max; ++i) {
    ASSERT_TRUE(memory.keep_evidence(signed_checkpoint(log_name, tree_of(i + 1, "b"))));
  }
  EXPECT_EQ(memory.keep_evidence(signed_checkpoint(log_name, tree_of(500, "b"))).error().code, ErrorCode::too_large);
}

TEST(PromiseCheck, HoldsWhereEverythingIsContinued) {
  const Frontier ledger = tree_of(10);
  PromiseCheck check({identity_of(log_name)}, head_of(ledger));
  check.add(signed_checkpoint(log_name, tree_of(0)));
  check.add(signed_checkpoint(log_name, tree_of(4)));
  check.add(signed_checkpoint(log_name, tree_of(7)));
  check.add({log_name, 9, tree_of(9).root(), {}});
  check.add(signed_checkpoint("stranger.example", tree_of(4, "b")));
  EXPECT_EQ(check.request().from, 7U);
  EXPECT_EQ(check.request().to, 10U);
  check.judge(roots_of(check, "a"));
  EXPECT_TRUE(check.broken().empty());
  EXPECT_TRUE(check.given_up().empty());
  EXPECT_EQ(check.largest_signed()->tree_size, 7);
}

// Not only the largest remembered one must fit, but all of them.
TEST(PromiseCheck, ASmallerOneThatDoesNotFitIsFoundBehindALargerOneThatDoes) {
  PromiseCheck check({identity_of(log_name)}, head_of(tree_of(12, "b", 5)));
  check.add(signed_checkpoint(log_name, tree_of(10, "a", 5)));
  check.add(signed_checkpoint(log_name, tree_of(11, "b", 5)));
  check.judge(roots_of(check, "b", 5));
  ASSERT_EQ(check.broken().size(), 1U);
  EXPECT_EQ(check.broken().front().tree_size, 10);
  EXPECT_TRUE(check.split());
  EXPECT_FALSE(check.behind());
}

TEST(PromiseCheck, BehindIsToldFromTamperingAndFromASplit) {
  PromiseCheck behind({identity_of(log_name)}, head_of(tree_of(5)));
  behind.add(signed_checkpoint(log_name, tree_of(8)));
  behind.judge(roots_of(behind, "a"));
  EXPECT_TRUE(behind.behind());
  EXPECT_FALSE(behind.split());

  PromiseCheck tampered({identity_of(log_name)}, head_of(tree_of(9, "b")));
  tampered.add(signed_checkpoint(log_name, tree_of(8)));
  tampered.judge(roots_of(tampered, "b"));
  EXPECT_EQ(tampered.broken().size(), 1U);
  EXPECT_FALSE(tampered.behind());
  EXPECT_FALSE(tampered.split()) << "nobody has signed the other history";

  PromiseCheck receipt({identity_of(log_name)}, head_of(tree_of(9, "b", 5)));
  receipt.add(signed_checkpoint(log_name, tree_of(5, "a", 5)));
  receipt.add(signed_checkpoint(log_name, tree_of(9, "b", 5)));
  receipt.add({log_name, 7, tree_of(7, "a", 5).root(), {}});
  receipt.judge(roots_of(receipt, "b", 5));
  ASSERT_EQ(receipt.broken().size(), 1U);
  EXPECT_TRUE(receipt.broken().front().note.empty());
  EXPECT_FALSE(receipt.split()) << "a receipt is no signature";
}

TEST(PromiseCheck, WhatAnEarlierIdentitySignedIsEvidenceAndNoReasonToStop) {
  const std::vector<LogIdentity> identities{identity_of("old.example"), identity_of(log_name, 5)};
  PromiseCheck check(identities, head_of(tree_of(12, "b", 5)));
  check.add(signed_checkpoint("old.example", tree_of(4, "common", 5)));  // continued
  check.add(signed_checkpoint("old.example", tree_of(8, "a", 5)));       // beyond what was accepted
  check.add(signed_checkpoint("old.example", tree_of(20, "a", 5)));      // beyond the head
  check.add({"old.example", 21, tree_of(21).root(), {}});                // a receipt: not evidence for anybody else
  check.add(signed_checkpoint(log_name, tree_of(11, "b", 5)));
  check.judge(roots_of(check, "b", 5));
  EXPECT_TRUE(check.broken().empty());
  ASSERT_EQ(check.given_up().size(), 2U);
  EXPECT_EQ(check.largest_of_earlier(), 21);
}

class IdentityChoice : public ::testing::Test {
 protected:
  Result<ChosenIdentity> choose(const IdentityOptions& options) {
    PromiseMemory memory(disk_);
    EXPECT_TRUE(memory.load());
    return choose_identity(disk_, memory, options, promises_, head_, "5ea1c0de");
  }
  ErrorCode refusal(const IdentityOptions& options) {
    const auto chosen = choose(options);
    EXPECT_FALSE(chosen);
    return chosen ? ErrorCode::internal : chosen.error().code;
  }

  NotesInMemory disk_;
  Promises promises_;
  Head head_ = head_of(tree_of(5));
};

TEST_F(IdentityChoice, ANewLedgerIsNamedAfterItself) {
  EXPECT_EQ(choose({})->identities.back().origin, "vault999.local/5ea1c0de");
  EXPECT_EQ(choose({log_name, {}})->identities.back().origin, log_name);
}

TEST_F(IdentityChoice, ALedgerKeepsItsIdentity) {
  promises_.identities = {identity_of(log_name)};
  EXPECT_EQ(choose({})->identities.back().origin, log_name);
  EXPECT_EQ(refusal({"other.example", {}}), ErrorCode::invalid_argument);
  promises_.identities.front().vkey = identity_of("other.example").vkey;
  EXPECT_EQ(refusal({}), ErrorCode::invalid_argument) << "another key";
}

TEST_F(IdentityChoice, ANewOneBeginsOnTheHeadAsItStands) {
  promises_.identities = {identity_of("old.example")};
  const auto chosen = choose({log_name, 5});
  ASSERT_TRUE(chosen);
  EXPECT_TRUE(chosen->begins);
  EXPECT_FALSE(chosen->announced);
  EXPECT_EQ(chosen->identities.back().accepted_sequence, 5);
  EXPECT_EQ(refusal({log_name, 4}), ErrorCode::invalid_argument);
  promises_.identities = {identity_of(log_name), identity_of("later.example", 2)};
  EXPECT_EQ(refusal({log_name, 5}), ErrorCode::invalid_argument) << "that one was given up";
}

// Whatever happened between its first entry and its first checkpoint, it continues with the same command line.
TEST_F(IdentityChoice, ABeginningThatWasInterruptedGoesOn) {
  promises_.identities = {identity_of("old.example")};
  promises_.announcement = AnnouncementSeen{6, announcement_id(log_name), {}};
  for (const std::int64_t head : {6, 9}) {
    head_.sequence = head;
    const auto chosen = choose({log_name, 5});
    ASSERT_TRUE(chosen) << chosen.error().message;
    EXPECT_TRUE(chosen->begins && chosen->announced);
    EXPECT_EQ(chosen->identities.back().accepted_sequence, 5);
    EXPECT_EQ(refusal({log_name, head}), ErrorCode::invalid_argument);
  }
  EXPECT_EQ(refusal({}), ErrorCode::unavailable) << "the old one signs no more";
  // Its first checkpoint may be remembered here before it is in the database.
  disk_.checkpoint = signed_checkpoint(log_name, tree_of(6)).note;
  EXPECT_EQ(choose({log_name, 5})->identities.size(), 2U);
}

TEST_F(IdentityChoice, AStateDirectoryOfAnotherLogIsRefused) {
  disk_.checkpoint = signed_checkpoint("old.example", tree_of(9)).note;
  EXPECT_EQ(refusal({}), ErrorCode::invalid_argument);
  const auto chosen = choose({log_name, 5});
  ASSERT_TRUE(chosen) << "the operator's word is the way out here too";
  EXPECT_EQ(chosen->identities.front().origin, "old.example");
}

}  // namespace
}  // namespace vault
