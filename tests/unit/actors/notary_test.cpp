#include "actors/notary.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "ledger/announcement.hpp"
#include "tests/unit/actors/notes_in_memory.hpp"
#include "tests/unit/actors/recorded_effects.hpp"

namespace vault {
namespace {

using Outcome = Adopted::Outcome;
constexpr const char* log_name = "log.example";

Head head_of(const Frontier& tree) {
  Head head = empty_head();
  if (tree.size() == 0) return head;
  head.sequence = static_cast<std::int64_t>(tree.size());
  head.merkle_root = tree.root();
  return head;
}

// A notary whose steward reads the tree of `history`, of which the first `common` leaves are those of every history.
class NotaryTest : public ::testing::Test {
 protected:
  NotaryTest() { restart(); }

  // A new process on the same state directory.
  void restart(const std::string& origin = log_name, std::optional<std::int64_t> accept_rollback = {}) {
    NotaryOptions options;
    options.identity = {origin, accept_rollback};
    notary_.emplace(disk_, options);
    effects_.sent.clear();
    promises_.identities = {identity_of(log_name)};
  }

  Frontier ledger(std::size_t size) const { return tree_of(size, history_, common_); }

  // Answers what the steward and the lease keeper have been asked since.
  void answer() {
    for (; answered_ < effects_.sent.size(); ++answered_) {
      // Copies: what is asked may move while it is answered.
      if (const auto* read = std::get_if<ReadTree>(&effects_.sent[answered_].second)) {
        answer_tree(ReadTree(*read));
      } else if (const auto* confirm = std::get_if<ConfirmLease>(&effects_.sent[answered_].second)) {
        Status status;
        if (!lease_is_ours_) status = fail(ErrorCode::forbidden, "another writer has taken over");
        notary_->handle(LeaseConfirmed{confirm->epoch, confirm->at_least_sequence, status}, effects_);
      } else if (const auto* tell = std::get_if<TellContradiction>(&effects_.sent[answered_].second)) {
        told_.push_back(tell->checkpoint);
        notary_->handle(ContradictionTold{told_.back(), {}}, effects_);
      }
    }
  }
  void answer_tree(const ReadTree& read) {
    TreeView view;
    for (const std::uint64_t size : read.request.sizes) view.roots.push_back(ledger(size).root());
    view.frontier = ledger(read.request.from);
    for (std::size_t i = read.request.from + 1; i <= read.request.to; ++i) {
      const std::string name = i <= common_ ? "common" : history_;
      view.leaves.push_back(hash_leaf(name + " " + std::to_string(i)));
    }
    notary_->handle(TreeRead{read.question, std::move(view)}, effects_);
  }

  Outcome adopt(std::size_t size) {
    answered_ = effects_.sent.size();
    notary_->handle(Adopt{++epoch_, head_of(ledger(size)), promises_, "5ea1c0de"}, effects_);
    answer();
    const auto adopted = effects_.messages<Adopted>(ActorId::writer);
    EXPECT_FALSE(adopted.empty());
    return adopted.empty() ? Outcome::unread : adopted.back().outcome;
  }

  // Why the lease must not be taken; nullopt: it may.
  std::optional<std::string> follow(std::size_t size) {
    answered_ = effects_.sent.size();
    notary_->handle(Follow{head_of(ledger(size)), promises_, "5ea1c0de"}, effects_);
    answer();
    const auto followed = effects_.messages<Followed>(ActorId::writer);
    EXPECT_FALSE(followed.empty());
    return followed.empty() ? std::nullopt : followed.back().refusal;
  }

  // Entries from + 1 ... to are durable and have receipts.
  void commit(std::size_t from, std::size_t to) {
    auto entries = std::make_shared<std::vector<Entry>>();
    for (std::size_t i = from + 1; i <= to; ++i) {
      Entry entry;
      entry.sequence = static_cast<std::int64_t>(i);
      entry.entry_hash = hash_leaf((i <= common_ ? std::string("common") : history_) + " " + std::to_string(i));
      entry.merkle_root = ledger(i).root();
      entries->push_back(entry);
    }
    notary_->handle(Committed{epoch_, entries, head_of(ledger(to)), {}, 0}, effects_);
  }

  // What a round leads to, some time later.
  void round() {
    effects_.time += std::chrono::seconds(1);
    answered_ = effects_.sent.size();
    notary_->round_done(effects_);
    answer();
  }

  std::int64_t last_signed() const {
    const auto all = effects_.messages<CheckpointSigned>(ActorId::publisher);
    return all.empty() ? -1 : all.back().checkpoint.tree_size;
  }
  bool raised(const std::string& kind) const {
    bool raised = false;
    for (const AlertMessage& one : effects_.messages<AlertMessage>(ActorId::gateway)) {
      if (one.alert.kind == kind) raised = one.alert.raised;
    }
    return raised;
  }
  std::int64_t remembered() const { return static_cast<std::int64_t>(peek_checkpoint(*disk_.checkpoint)->tree_size); }

  NotesInMemory disk_;
  RecordedEffects effects_;
  std::optional<Notary> notary_;
  Promises promises_;
  std::string history_ = "a";
  std::size_t common_ = 0;
  bool lease_is_ours_ = true;
  std::vector<StoredCheckpoint> told_;
  std::int64_t epoch_ = 0;
  std::size_t answered_ = 0;
};

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

// What is durable only after the question was asked is not covered by its answer.
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

// --- Promises --------------------------------------------------------------------------------------------------------

// Another vaultd, which could not know, has signed on a replica that lacked what was signed here.
TEST_F(NotaryTest, AFollowerKeepsItsOwnCheckpointAgainstALargerOneThatDoesNotContinueIt) {
  disk_.checkpoint = signed_checkpoint(log_name, tree_of(10, "a", 5)).note;
  const std::string own = *disk_.checkpoint;
  history_ = "b";
  common_ = 5;
  promises_.newest = signed_checkpoint(log_name, ledger(11));
  ASSERT_TRUE(follow(11));
  EXPECT_TRUE(raised("split"));
  EXPECT_EQ(*disk_.checkpoint, own);
  ASSERT_EQ(disk_.evidence.size(), 1U);
  EXPECT_EQ(disk_.evidence.front(), promises_.newest->note);
  ASSERT_EQ(told_.size(), 1U);
  EXPECT_EQ(told_.front().note, own);
  // It says so for ever: when the lease is there to be taken, and after a restart.
  EXPECT_EQ(adopt(11), Outcome::refused);
  restart();
  promises_.newest.reset();
  EXPECT_EQ(adopt(11), Outcome::refused);
  EXPECT_TRUE(raised("split"));
  round();
  EXPECT_EQ(last_signed(), -1);
}

// The one that could not know is told through the database.
TEST_F(NotaryTest, AWriterThatIsToldOfAnotherHistorySignsNoMore) {
  history_ = "b";
  common_ = 5;
  ASSERT_EQ(adopt(5), Outcome::agreed);
  commit(5, 11);
  round();
  EXPECT_EQ(last_signed(), 11);
  promises_.newest = signed_checkpoint(log_name, ledger(11));
  promises_.contradictions = {signed_checkpoint(log_name, tree_of(10, "a", 5))};
  EXPECT_EQ(adopt(11), Outcome::refused);
  EXPECT_TRUE(raised("split"));
}

TEST_F(NotaryTest, WhatSomebodyElseSignedIsNoContradiction) {
  StoredCheckpoint junk = signed_checkpoint("other.example", tree_of(10, "z"));
  junk.origin = log_name;
  promises_.contradictions = {junk};
  EXPECT_EQ(adopt(5), Outcome::agreed);
}

TEST_F(NotaryTest, AFollowerCopiesWhatContinuesItsOwn) {
  disk_.checkpoint = signed_checkpoint(log_name, ledger(4)).note;
  promises_.newest = signed_checkpoint(log_name, ledger(9));
  EXPECT_FALSE(follow(9));
  EXPECT_EQ(remembered(), 9);
  EXPECT_TRUE(disk_.evidence.empty());
  const std::size_t asked = effects_.messages<ReadTree>(ActorId::steward).size();
  EXPECT_FALSE(follow(9));
  EXPECT_EQ(effects_.messages<ReadTree>(ActorId::steward).size(), asked) << "nothing new, nothing read";
}

TEST_F(NotaryTest, ADatabaseThatFallsBehindIsNotFollowedEither) {
  disk_.checkpoint = signed_checkpoint(log_name, ledger(9)).note;
  promises_.newest = signed_checkpoint(log_name, ledger(4));
  EXPECT_TRUE(follow(4));
  EXPECT_TRUE(raised("rollback"));
  EXPECT_EQ(remembered(), 9);
  ASSERT_EQ(told_.size(), 1U);
  // The newer database is back.
  EXPECT_FALSE(follow(9));
  EXPECT_FALSE(raised("rollback"));
}

TEST_F(NotaryTest, AKeyThatIsNotTheDatabasesEndsAFollowerToo) {
  promises_.identities.front().vkey = identity_of("other.example").vkey;
  EXPECT_TRUE(follow(4));
  EXPECT_NE(effects_.configuration.find("the signing key is not the database's"), std::string::npos);
}

TEST_F(NotaryTest, AForeignOrDamagedMemoryIsNeverOverwritten) {
  for (const std::string& held : {std::string("not a note\n"), signed_checkpoint("else.example", tree_of(3)).note}) {
    disk_.checkpoint = held;
    restart();
    promises_.newest = signed_checkpoint(log_name, ledger(9));
    EXPECT_TRUE(follow(9));
    EXPECT_EQ(adopt(9), Outcome::refused);
    EXPECT_EQ(*disk_.checkpoint, held);
  }
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

// --- A new identity --------------------------------------------------------------------------------------------------

TEST_F(NotaryTest, AcceptingALossNamesWhatIsGivenUp) {
  disk_.checkpoint = signed_checkpoint(log_name, tree_of(10, "a", 5)).note;
  history_ = "b";
  common_ = 5;
  promises_.newest = signed_checkpoint(log_name, ledger(8));
  restart("new.example", 8);
  ASSERT_EQ(adopt(8), Outcome::agreed);
  const auto adopted = effects_.messages<Adopted>(ActorId::writer).back();
  ASSERT_EQ(adopted.first_seals.size(), 1U);
  const std::string& data = adopted.first_seals.front().seal_data;
  EXPECT_NE(data.find("\"lost_tree_size\":10"), std::string::npos) << data;
  EXPECT_NE(data.find(to_hex(tree_of(10, "a", 5).root())), std::string::npos) << data;
  EXPECT_NE(data.find("\"accepted_root\":\"" + to_hex(ledger(8).root())), std::string::npos) << data;
  round();
  EXPECT_EQ(last_signed(), -1) << "not before the entry that tells of it is durable";
}

TEST_F(NotaryTest, AnInterruptedBeginningGoesOnWithoutASecondEntry) {
  promises_.announcement = AnnouncementSeen{9, announcement_id("new.example"), {}};
  restart("new.example", 8);
  ASSERT_EQ(adopt(11), Outcome::agreed);
  EXPECT_TRUE(effects_.messages<Adopted>(ActorId::writer).back().first_seals.empty());
  round();
  EXPECT_EQ(last_signed(), 11);
  EXPECT_EQ(effects_.messages<StoreCheckpoint>(ActorId::steward).back().identity.accepted_sequence, 8);
}

TEST_F(NotaryTest, TheOldIdentitySignsNoMoreOnceANewOneIsAnnounced) {
  promises_.announcement = AnnouncementSeen{9, announcement_id("new.example"), {}};
  EXPECT_EQ(adopt(11), Outcome::refused);
  EXPECT_TRUE(effects_.configuration.empty()) << "reads go on";
}

TEST_F(NotaryTest, EvidenceAgainstAnEarlierIdentityWarnsAndStopsNobody) {
  disk_.checkpoint = signed_checkpoint(log_name, tree_of(10, "a", 5)).note;
  history_ = "b";
  common_ = 5;
  restart("new.example");
  promises_.identities = {identity_of(log_name), identity_of("new.example", 8)};
  promises_.newest = signed_checkpoint("new.example", ledger(12));
  EXPECT_FALSE(follow(12));
  EXPECT_TRUE(raised("split"));
  EXPECT_EQ(remembered(), 12);
  EXPECT_EQ(disk_.evidence.size(), 1U);
  EXPECT_EQ(adopt(12), Outcome::agreed);
  // What the operator has given up in so many words is no news.
  restart("new.example");
  promises_.identities = {identity_of(log_name), identity_of("new.example", 8)};
  promises_.announcement = AnnouncementSeen{9, announcement_id("new.example"), {tree_of(10, "a", 5).root()}};
  EXPECT_FALSE(follow(12));
  EXPECT_FALSE(raised("split"));
}

TEST_F(NotaryTest, AnIdentityThatNothingAnnouncesIsToldAndDoesNotCount) {
  promises_.unannounced = {"rogue.example"};
  EXPECT_EQ(adopt(3), Outcome::agreed);
  EXPECT_TRUE(raised("tamper"));
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

// The answer to what was stored before the lease went and came again says nothing about what is being stored now.
TEST_F(NotaryTest, TakesNoLateAnswerForTheOneItWaitsFor) {
  ASSERT_EQ(adopt(0), Outcome::agreed);
  round();
  ASSERT_EQ(adopt(0), Outcome::agreed);
  ASSERT_EQ(effects_.messages<StoreCheckpoint>(ActorId::steward).size(), 1U);
  effects_.time += std::chrono::seconds(1);
  EXPECT_FALSE(notary_->stop(effects_));
  ASSERT_EQ(effects_.messages<StoreCheckpoint>(ActorId::steward).size(), 2U);
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

// After an outage the writer resolves its doubt with an epoch of its own: who comes with the one before is told that
// somebody else is the writer. Neither that nor the outage is a fault of what is stored.
TEST_F(NotaryTest, AnOutageAndAnEpochThatHasMovedAreNoFaultOfStoring) {
  ASSERT_EQ(adopt(0), Outcome::agreed);
  for (std::size_t size = 1; size <= 12; ++size) {
    commit(size - 1, size);
    round();
    const auto code = size < 5 ? ErrorCode::unavailable : ErrorCode::forbidden;
    const auto stored = effects_.messages<StoreCheckpoint>(ActorId::steward);
    notary_->handle(StoreCheckpointAnswer{epoch_, stored.back().checkpoint.tree_size, fail(code, "not now")}, effects_);
  }
  EXPECT_GE(effects_.messages<StoreCheckpoint>(ActorId::steward).size(), 10U);
  EXPECT_FALSE(raised("checkpoint"));
}

TEST_F(NotaryTest, WhatTheDatabaseRefusesAgainAndAgainIsToldWhateverComesBetween) {
  ASSERT_EQ(adopt(0), Outcome::agreed);
  for (std::size_t size = 1; size <= 12; ++size) {
    commit(size - 1, size);
    round();
    const auto code = size % 5 == 0 ? ErrorCode::unavailable : ErrorCode::internal;
    const auto stored = effects_.messages<StoreCheckpoint>(ActorId::steward);
    notary_->handle(StoreCheckpointAnswer{epoch_, stored.back().checkpoint.tree_size, fail(code, "refused")}, effects_);
  }
  EXPECT_TRUE(raised("checkpoint"));
  notary_->round_done(effects_);
  commit(12, 13);
  round();
  EXPECT_TRUE(raised("checkpoint"));
  const auto stored = effects_.messages<StoreCheckpoint>(ActorId::steward);
  notary_->handle(StoreCheckpointAnswer{epoch_, stored.back().checkpoint.tree_size, std::optional<StoredCheckpoint>()},
                  effects_);
  EXPECT_FALSE(raised("checkpoint"));
}

}  // namespace
}  // namespace vault
