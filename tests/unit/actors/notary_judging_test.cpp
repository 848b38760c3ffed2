#include "tests/unit/actors/notary_fixture.hpp"

#include "ledger/announcement.hpp"

namespace vault {
namespace {

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
  // It says so permanently: when the lease can be taken, and after a restart.
  EXPECT_EQ(adopt(11), Outcome::refused);
  restart();
  promises_.newest.reset();
  EXPECT_EQ(adopt(11), Outcome::refused);
  EXPECT_TRUE(raised("split"));
  round();
  EXPECT_EQ(last_signed(), -1);
}

// The one that could not know is informed through the database.
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
  const std::size_t asked = effects_.messages<ReadTree>(ActorId::coordinator).size();
  EXPECT_FALSE(follow(9));
  EXPECT_EQ(effects_.messages<ReadTree>(ActorId::coordinator).size(), asked) << "nothing new, nothing read";
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
  EXPECT_EQ(effects_.messages<StoreCheckpoint>(ActorId::coordinator).back().identity.accepted_sequence, 8);
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
  // A history that the operator has explicitly given up is no news.
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

}  // namespace
}  // namespace vault
