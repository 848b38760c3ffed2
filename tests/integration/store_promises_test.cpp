// Signed promises in the database, and which of them are believed.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "ledger/checkpoint.hpp"
#include "ledger/sha256.hpp"
#include "store/postgres/statements.hpp"
#include "tests/integration/store_fixture.hpp"

namespace vault::test {
namespace {

class PromisesTest : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    take_lease();
  }
  StoredCheckpoint signed_by(const SigningKey& key, std::int64_t size, const Hash& root) const {
    return {{key.name(), size, root}, sign_checkpoint({key.name(), size, root}, key)};
  }
  LogIdentity identity(std::int64_t accepted = 0) const { return {key_.name(), key_.verifier().format(), accepted}; }
  void plant_checkpoint(std::int64_t size, const std::string& note) {
    run(
        fmt::format("INSERT INTO vault_checkpoint (origin, tree_size, root, note) VALUES ('{}', {}, repeat('a', 64), "
                    "'{}')",
                    key_.name(), size, note));
  }
  Promises look() {
    auto store = make_postgres_writer(options_);
    const LeaseOutcome outcome = store->take_lease({"b", std::chrono::milliseconds(3000), true});
    EXPECT_TRUE(std::holds_alternative<LeaseHeld>(outcome));
    return std::holds_alternative<LeaseHeld>(outcome) ? std::get<LeaseHeld>(outcome).promises : Promises{};
  }

  const SigningKey key_ = SigningKey::generate("vault.test/log").value();
};

// Anybody with the role of a writer can insert rows there.
TEST_F(PromisesTest, TheNewestCheckpointIsTheNewestThatVerifies) {
  grow_to(5);
  const StoredCheckpoint good = signed_by(key_, 5, state_.head.merkle_root);
  ASSERT_TRUE(writer_->store_checkpoint(epoch_, good, identity()));
  for (std::int64_t size = 100; size < 150; ++size) plant_checkpoint(size, "no note");
  const auto thief = SigningKey::generate("vault.test/log").value();
  plant_checkpoint(200, signed_by(thief, 200, Hash{1}).note);
  plant_checkpoint(201, good.note);
  const Promises promises = look();
  ASSERT_TRUE(promises.newest);
  EXPECT_EQ(promises.newest->note, good.note);
}

// Otherwise one damaged page anywhere in it would keep everybody from sealing. Without ANALYZE there are no statistics.
TEST_F(PromisesTest, LookingForIdentitiesDoesNotReadTheWholeLedger) {
  grow_to(400);
  ASSERT_TRUE(writer_->store_checkpoint(epoch_, signed_by(key_, 400, state_.head.merkle_root), identity()));
  const std::string plan = ask("EXPLAIN (FORMAT JSON) " + std::string(sql::identities.sql));
  EXPECT_NE(plan.find("vault_ledger"), std::string::npos);
  for (auto scan = plan.find("Seq Scan"); scan != std::string::npos; scan = plan.find("Seq Scan", scan + 1)) {
    const auto name = plan.find("Relation Name", scan);
    EXPECT_NE(plan.compare(name, 31, "Relation Name\": \"vault_ledger\""), 0) << plan;
  }
}

TEST_F(PromisesTest, AnIdentityCountsOnceTheLedgerAnnouncesIt) {
  grow_to(5);
  ASSERT_TRUE(writer_->store_checkpoint(epoch_, signed_by(key_, 5, state_.head.merkle_root), identity()));
  for (const char* row : {"(2, 'rogue.example', 'v', 0)", "(3, 'rogue.example/too', 'v', 3)"}) {
    run(std::string("INSERT INTO vault_origin VALUES ") + row);
  }
  Promises promises = look();
  ASSERT_EQ(promises.identities.size(), 1U);
  EXPECT_EQ(promises.unannounced.size(), 2U);
  ASSERT_TRUE(promises.newest) << "a planted identity hides what was signed";
  const auto next = SigningKey::generate("vault.test/next").value();
  ASSERT_EQ(append(*writer_, request_for(announcement_of(next.name()))).kind, AppendKind::committed);
  promises = look();
  EXPECT_EQ(promises.identities.size(), 1U);
  ASSERT_TRUE(promises.announcement);
  EXPECT_EQ(promises.announcement->sequence, 6);
  ASSERT_TRUE(writer_->store_checkpoint(epoch_, signed_by(next, 6, state_.head.merkle_root),
                                        {next.name(), next.verifier().format(), 5}));
  promises = look();
  ASSERT_EQ(promises.identities.size(), 2U);
  EXPECT_EQ(promises.newest->origin, next.name());
}

TEST_F(PromisesTest, AnnouncementsTellWhatTheyGiveUp) {
  grow_to(3);
  Announcement announcement;
  announcement.new_origin = "vault.test/next";
  announcement.contradicted = {{7, Hash{7}, "note"}, {9, Hash{9}, "note"}};
  ASSERT_EQ(append(*writer_, request_for(make_announcement(announcement))).kind, AppendKind::committed);
  const Promises promises = look();
  ASSERT_TRUE(promises.announcement);
  EXPECT_EQ(promises.announcement->seal_id, announcement_id("vault.test/next"));
  EXPECT_EQ(promises.announcement->given_up, (std::vector<Hash>{Hash{7}, Hash{9}}));
}

TEST_F(PromisesTest, ContradictionsAreToldOnceAndOnlyBelievedWhereSigned) {
  grow_to(5);
  ASSERT_TRUE(writer_->store_checkpoint(epoch_, signed_by(key_, 5, state_.head.merkle_root), identity()));
  const StoredCheckpoint other = signed_by(key_, 4, Hash{4});
  auto teller = make_postgres_writer(options_);  // holds no lease
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(teller->store_contradiction(other, "instance-b"));
  EXPECT_EQ(ask("SELECT told_by FROM vault_contradiction"), "instance-b");
  const auto thief = SigningKey::generate("vault.test/log").value();
  ASSERT_TRUE(teller->store_contradiction(signed_by(thief, 4, Hash{5}), "instance-c"));
  const Promises promises = look();
  EXPECT_EQ(promises.contradiction_rows, 2);
  ASSERT_EQ(promises.contradictions.size(), 1U);
  EXPECT_EQ(promises.contradictions.front().note, other.note);
}

TEST_F(PromisesTest, ContradictionsAreBounded) {
  for (std::size_t i = 0; i < contradictions_max; ++i) {
    ASSERT_TRUE(writer_->store_contradiction(signed_by(key_, static_cast<std::int64_t>(i), Hash{1}), "a"));
  }
  const Status refused = writer_->store_contradiction(signed_by(key_, 500, Hash{1}), "a");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::too_large);
}

TEST_F(PromisesTest, TheTreeIsReadAsItIs) {
  grow_to(1'500);
  std::vector<Frontier> frontiers(1);
  std::vector<Hash> leaves;
  auto view = reader_->snapshot().value();
  ASSERT_TRUE(view->scan(1, 1'500, [&](const RowView& row) {
    leaves.push_back(*hash_from_hex(row.entry_hash));
    frontiers.push_back(frontiers.back());
    frontiers.back().append(leaves.back());
    return true;
  }));
  for (const auto& [from, to] : {std::pair<std::uint64_t, std::uint64_t>{0, 1'500},
                                 {1, 2},
                                 {255, 257},
                                 {256, 512},
                                 {300, 300},
                                 {300, 1'400},
                                 {1'024, 1'500},
                                 {1'500, 1'500},
                                 {0, 0}}) {
    const auto tree = writer_->read_tree({{0, 1, from, to}, from, to});
    ASSERT_TRUE(tree) << tree.error().message;
    EXPECT_EQ(tree->frontier, frontiers[from]) << from;
    EXPECT_EQ(tree->leaves, std::vector<Hash>(leaves.begin() + static_cast<std::ptrdiff_t>(from),
                                              leaves.begin() + static_cast<std::ptrdiff_t>(to)))
        << from << " " << to;
    EXPECT_EQ(tree->roots[3], frontiers[to].root());
  }
  EXPECT_FALSE(writer_->read_tree({{2'000}, 0, 0}));
}

}  // namespace
}  // namespace vault::test
