// The outcomes of a judgement, and what an Adoption leaves to the notary.
#include "actors/adoption.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "ledger/announcement.hpp"
#include "tests/unit/actors/notes_in_memory.hpp"
#include "tests/unit/actors/recorded_effects.hpp"

namespace vault {
namespace {

constexpr const char* log_name = "log.example";

Head head_of(const Frontier& tree) {
  Head head = empty_head();
  if (tree.size() == 0) return head;
  head.sequence = static_cast<std::int64_t>(tree.size());
  head.merkle_root = tree.root();
  return head;
}

class AdoptionTest : public ::testing::Test {
 protected:
  AdoptionTest() {
    promises_.identities = {identity_of(log_name)};
    restart({log_name, {}});
  }

  // A new process on the same state directory.
  void restart(const IdentityOptions& options) {
    adoption_.reset();  // before the memory that it refers to
    memory_.emplace(disk_);
    alerts_.emplace("notary");
    adoption_.emplace(disk_, *memory_, *alerts_, options);
    effects_.sent.clear();
  }

  std::optional<Judgement> adopt(std::size_t size) {
    return adoption_->adopt({1, head_of(tree_of(size, history_)), promises_, "5ea1c0de"}, effects_);
  }
  std::optional<Judgement> follow(std::size_t size) {
    return adoption_->follow({head_of(tree_of(size, history_)), promises_, "5ea1c0de"}, effects_);
  }
  ReadTree asked() const { return effects_.messages<ReadTree>(ActorId::coordinator).back(); }
  // The coordinator's answer from the ledger of history_.
  TreeRead tree() const {
    const ReadTree read = asked();
    TreeView view;
    for (const std::uint64_t size : read.request.sizes) view.roots.push_back(tree_of(size, history_).root());
    view.frontier = tree_of(read.request.from, history_);
    for (std::size_t i = read.request.from + 1; i <= read.request.to; ++i) {
      view.leaves.push_back(hash_leaf(history_ + " " + std::to_string(i)));
    }
    return {read.question, std::move(view)};
  }
  // The alternative with which the open question ends.
  template <class Kind>
  Kind judged() {
    auto judgement = adoption_->on_tree(tree(), effects_);
    EXPECT_TRUE(judgement && std::holds_alternative<Kind>(*judgement));
    return std::get<Kind>(*std::move(judgement));
  }
  bool raised(const std::string& kind) const {
    bool raised = false;
    for (const AlertMessage& one : effects_.messages<AlertMessage>(ActorId::gateway)) {
      if (one.alert.kind == kind) raised = one.alert.raised;
    }
    return raised;
  }

  NotesInMemory disk_;
  RecordedEffects effects_;
  Promises promises_;
  std::string history_ = "a";
  std::optional<PromiseMemory> memory_;
  std::optional<AlertBoard> alerts_;
  std::optional<Adoption> adoption_;
};

TEST_F(AdoptionTest, AnAdoptedLedgerHoldsAllThatSigningNeeds) {
  promises_.newest = signed_checkpoint(log_name, tree_of(4));
  EXPECT_FALSE(adopt(7)) << "the tree has not been read yet";
  EXPECT_TRUE(adoption_->judging());
  const auto ledger = judged<AdoptedLedger>();
  EXPECT_FALSE(adoption_->judging());
  EXPECT_EQ(ledger.key.name(), log_name);
  EXPECT_EQ(ledger.identity.origin, log_name);
  ASSERT_TRUE(ledger.kept.largest_signed);
  EXPECT_EQ(ledger.kept.largest_signed->note, promises_.newest->note);
  EXPECT_TRUE(ledger.base_is_stored);
  EXPECT_EQ(ledger.base_frontier, tree_of(4));
  EXPECT_EQ(ledger.leaves.size(), 3U);
  EXPECT_EQ(ledger.frontier, tree_of(7));
  EXPECT_FALSE(ledger.announcement);
}

// Signing, remembering and answering are the notary's job.
TEST_F(AdoptionTest, AJudgementReplacesNoMemoryAndAnswersNobody) {
  disk_.checkpoint = signed_checkpoint(log_name, tree_of(2)).note;
  const auto before = disk_.checkpoint;
  promises_.newest = signed_checkpoint(log_name, tree_of(4));
  ASSERT_FALSE(adopt(7));
  (void)judged<AdoptedLedger>();
  EXPECT_EQ(disk_.checkpoint, before);
  ASSERT_EQ(effects_.sent.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<ReadTree>(effects_.sent.front().second));
}

TEST_F(AdoptionTest, WhatOnlyTheStateDirectoryHoldsIsNotStoredYet) {
  disk_.checkpoint = signed_checkpoint(log_name, tree_of(6)).note;
  promises_.newest = signed_checkpoint(log_name, tree_of(4));
  ASSERT_FALSE(adopt(7));
  const auto ledger = judged<AdoptedLedger>();
  EXPECT_EQ(ledger.kept.largest_signed->tree_size, 6);
  EXPECT_EQ(ledger.kept.stored_size, 4);
  EXPECT_FALSE(ledger.base_is_stored);
}

TEST_F(AdoptionTest, ANewIdentityBringsItsAnnouncement) {
  restart({"new.example", 7});
  ASSERT_FALSE(adopt(7));
  const auto ledger = judged<AdoptedLedger>();
  EXPECT_EQ(ledger.identity.origin, "new.example");
  EXPECT_EQ(ledger.identity.accepted_sequence, 7);
  ASSERT_TRUE(ledger.announcement);
  EXPECT_EQ(ledger.announcement->seal_id, announcement_id("new.example"));
  EXPECT_FALSE(ledger.kept.largest_signed);
  EXPECT_EQ(ledger.base_frontier, tree_of(7));
}

TEST_F(AdoptionTest, ABrokenPromiseIsRefusedKeptAndToldToTheOthers) {
  promises_.newest = signed_checkpoint(log_name, tree_of(4));
  history_ = "b";
  ASSERT_FALSE(adopt(7));
  const auto refused = judged<RefusedLedger>();
  EXPECT_TRUE(refused.adopting);
  EXPECT_NE(refused.reason.find("checkpoint of size 4"), std::string::npos) << refused.reason;
  EXPECT_TRUE(raised("tamper"));
  EXPECT_EQ(disk_.evidence, std::vector<std::string>{promises_.newest->note});
  const auto told = effects_.messages<ReportContradiction>(ActorId::coordinator);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told.front().checkpoint.note, promises_.newest->note);
  // It stands until the notary has acted on a ledger that keeps the promise.
  history_ = "a";
  ASSERT_FALSE(adopt(7));
  (void)judged<AdoptedLedger>();
  EXPECT_TRUE(raised("tamper"));
  adoption_->clear_refusal(effects_);
  EXPECT_FALSE(raised("tamper"));
}

TEST_F(AdoptionTest, SettingsThatCannotWorkAreRefusedWithoutALookAtTheTree) {
  restart({"other.example", {}});
  const auto judgement = follow(7);
  ASSERT_TRUE(judgement && std::holds_alternative<RefusedLedger>(*judgement));
  EXPECT_FALSE(std::get<RefusedLedger>(*judgement).adopting);
  EXPECT_FALSE(effects_.configuration.empty());
  EXPECT_TRUE(effects_.messages<ReadTree>(ActorId::coordinator).empty());
}

// An unreachable database is no ledger's fault; an error that it answers may be.
TEST_F(AdoptionTest, ATreeThatCannotBeReadIsUnreadOrRefused) {
  ASSERT_FALSE(adopt(7));
  auto judgement = adoption_->on_tree({asked().question, fail(ErrorCode::unavailable, "away")}, effects_);
  ASSERT_TRUE(judgement && std::holds_alternative<UnreadLedger>(*judgement));
  EXPECT_EQ(std::get<UnreadLedger>(*judgement).reason, "away");
  EXPECT_FALSE(adoption_->judging());
  ASSERT_FALSE(follow(7));
  EXPECT_FALSE(adoption_->on_tree({asked().question, fail(ErrorCode::unavailable, "away")}, effects_));
  EXPECT_FALSE(raised("tamper"));
  ASSERT_FALSE(follow(7));
  judgement = adoption_->on_tree({asked().question, fail(ErrorCode::internal, "no such tile")}, effects_);
  ASSERT_TRUE(judgement && std::holds_alternative<RefusedLedger>(*judgement));
  EXPECT_TRUE(raised("tamper"));
}

TEST_F(AdoptionTest, AnAnswerToADroppedQuestionJudgesNothing) {
  ASSERT_FALSE(follow(7));
  const TreeRead late = tree();
  ASSERT_FALSE(adopt(8));
  EXPECT_FALSE(adoption_->on_tree(late, effects_));
  EXPECT_TRUE(adoption_->judging());
  EXPECT_EQ(judged<AdoptedLedger>().frontier.size(), 8U);
}

TEST_F(AdoptionTest, WhatWasFollowedIsJudgedAgainOnlyIfItWasNotKept) {
  promises_.newest = signed_checkpoint(log_name, tree_of(4));
  ASSERT_FALSE(follow(7));
  const auto ledger = judged<FollowedLedger>();
  EXPECT_EQ(ledger.kept.largest_signed->tree_size, 4);
  EXPECT_EQ(ledger.vkey, identity_of(log_name).vkey);
  const auto again = follow(8);
  ASSERT_TRUE(again && std::holds_alternative<NothingToJudge>(*again));
  adoption_->forget_followed();
  EXPECT_FALSE(follow(8));
  EXPECT_TRUE(adoption_->judging());
}

TEST_F(AdoptionTest, TheWarningOfHistoryGivenUpStandsAsLongAsItIsNotAccepted) {
  promises_.identities = {identity_of(log_name), identity_of("new.example", 3)};
  promises_.contradictions = {signed_checkpoint(log_name, tree_of(5, "b"))};
  restart({"new.example", {}});
  ASSERT_FALSE(follow(7));
  auto ledger = judged<FollowedLedger>();
  EXPECT_TRUE(ledger.kept.warns_of_given_up);
  adoption_->clear_given_up(ledger.kept, effects_);
  EXPECT_TRUE(raised("split"));
  promises_.announcement = AnnouncementSeen{4, announcement_id("new.example"), {tree_of(5, "b").root()}};
  ASSERT_FALSE(follow(7));
  ledger = judged<FollowedLedger>();
  EXPECT_FALSE(ledger.kept.warns_of_given_up);
  adoption_->clear_given_up(ledger.kept, effects_);
  EXPECT_FALSE(raised("split"));
}

}  // namespace
}  // namespace vault
