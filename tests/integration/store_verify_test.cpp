// Verification of an intact ledger: ranges, resumption, known checkpoints, growth.
#include "tests/integration/store_verify_fixture.hpp"

namespace vault::test {
namespace {

TEST_F(VerifyTest, EmptyLedgerIsValid) {
  EXPECT_EQ(verdict(), "valid");
  EXPECT_EQ(range(1, std::nullopt), "valid");
  EXPECT_EQ(refusal(2, std::nullopt), ErrorCode::invalid_argument);
  EXPECT_EQ(refusal(std::nullopt, 1), ErrorCode::invalid_argument);
  take_lease();
  store_checkpoint();  // of size 0
  EXPECT_EQ(verdict(), "valid");
}

TEST_F(VerifyTest, WholeLedgerAndRangesOfItAreValid) {
  fill(20'000);  // more than one slice
  store_checkpoint();
  const VerifyReport report = verify();
  EXPECT_FALSE(report.finding);
  EXPECT_EQ(report.checked, 20'000);
  EXPECT_EQ(report.from, 1);
  EXPECT_EQ(report.to, 20'000);
  EXPECT_EQ(report.end, state_);
  for (const auto& [from, to] : std::vector<std::pair<int, int>>{
           {1, 1}, {2, 2}, {255, 257}, {256, 600}, {257, 257}, {16384, 16385}, {19'999, 20'000}, {20'000, 20'000}}) {
    LedgerVerification request;
    request.from = from;
    request.to = to;
    const VerifyReport part = verify(request);
    EXPECT_FALSE(part.finding) << from << " to " << to;
    EXPECT_EQ(part.checked, to - from + 1);
    EXPECT_EQ(to_hex(part.end.head.merkle_root),
              ask(fmt::format("SELECT merkle_root FROM vault_ledger WHERE sequence = {}", to)));
  }
  EXPECT_EQ(refusal(20'001, std::nullopt), ErrorCode::invalid_argument);
  EXPECT_EQ(refusal(std::nullopt, 20'001), ErrorCode::invalid_argument);
  EXPECT_EQ(refusal(5, 4), ErrorCode::invalid_argument);
  EXPECT_EQ(refusal(0, std::nullopt), ErrorCode::invalid_argument);
}

TEST_F(VerifyTest, ResumesWhereItEnded) {
  fill(300);
  LedgerVerification request;
  request.resume = verify().end;
  EXPECT_EQ(verify(request).checked, 0);
  grow_to(600);
  const VerifyReport report = verify(request);
  EXPECT_FALSE(report.finding);
  EXPECT_EQ(report.checked, 300);
  EXPECT_EQ(report.end, state_);
  // It does not trust what is stored for earlier entries.
  tamper("UPDATE vault_ledger SET prev_hash = repeat('0', 64) WHERE sequence = 301");
  EXPECT_NE(verdict(request), "valid");
}

TEST_F(VerifyTest, ProgressIsToldAndCanStop) {
  fill(2100);
  std::vector<std::int64_t> told;
  auto stopped = verify_ledger(*reader_, {}, [&](std::int64_t checked, std::int64_t total) {
    EXPECT_EQ(total, 2100);
    told.push_back(checked);
    return false;
  });
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, ErrorCode::unavailable);
  EXPECT_EQ(told, std::vector<std::int64_t>{256});
  EXPECT_EQ(verdict(), "valid");  // the connection is good for the next run
}

// In the smallest possible pieces, by rows and between snapshots, the result is the same as in one piece.
TEST_F(VerifyTest, PausesAnywhereAndGoesOn) {
  fill(20'000);
  const auto in_pieces = [this](const std::function<bool(bool)>& pause) {
    LedgerVerification request;
    request.pause = pause;
    std::int64_t checked = 0;
    int pieces = 0;
    for (;;) {
      auto report = verify_ledger(*reader_, request, {});
      EXPECT_TRUE(report && !report->finding);
      if (!report) return std::pair(pieces, checked);
      ++pieces;
      checked += report->checked;
      if (!report->paused) {
        EXPECT_EQ(report->end, state_);
        return std::pair(pieces, checked);
      }
      request.resume = report->end;
    }
  };
  EXPECT_EQ(in_pieces([](bool joint) { return joint; }), std::pair(2, std::int64_t{20'000}));
  int rows = 0;
  EXPECT_EQ(in_pieces([&](bool) { return ++rows % 7'000 == 0; }), std::pair(3, std::int64_t{20'000}));
  tamper("UPDATE vault_ledger SET prev_hash = repeat('0', 64) WHERE sequence = 17000");
  LedgerVerification request;
  request.pause = [](bool joint) { return joint; };
  request.resume = verify_ledger(*reader_, request, {})->end;
  EXPECT_EQ(verdict(request), "entry_hash_mismatch@17000");
}

TEST_F(VerifyTest, KnownCheckpointsAndHeadsAreCompared) {
  fill(100);
  LedgerVerification request;
  request.known.push_back({"elsewhere", 50, snapshot()->entry_by_sequence(50).value()->merkle_root});
  request.known_head = state_.head;
  EXPECT_EQ(verdict(request), "valid");
  request.known.push_back({"elsewhere", 60, Hash{1}});
  EXPECT_EQ(verdict(request), "checkpoint_mismatch@60");
  request.known.clear();
  request.known_head->entry_hash = Hash{1};
  EXPECT_EQ(verdict(request), "head_mismatch@100");
}

TEST_F(VerifyTest, CheckpointsOfAnOlderIdentityCountUpToTheAcceptedSequence) {
  fill(10);
  store_checkpoint();
  grow_to(20);
  store_checkpoint();
  // A restore to entry 15, and a new identity that accepts it.
  tamper(
      "DELETE FROM vault_ledger WHERE sequence > 15; UPDATE vault_head SET (head_sequence, head_hash, merkle_root) = "
      "(SELECT sequence, entry_hash, merkle_root FROM vault_ledger WHERE sequence = 15)");
  EXPECT_EQ(verdict(), "truncated@16");
  take_lease();
  ASSERT_EQ(state_.head.sequence, 15);
  ASSERT_EQ(append(*writer_, request_for(announcement_of("vault.test/second"))).kind, AppendKind::committed);
  store_checkpoint(SigningKey::generate("vault.test/second").value(), 15);
  grow_to(30);
  EXPECT_EQ(verdict(), "valid");
  // Up to there, the old one still counts.
  tamper("UPDATE vault_checkpoint SET root = repeat('0', 64) WHERE tree_size = 10");
  EXPECT_EQ(verdict(), "checkpoint_mismatch@10");
}

// Two vaultds kept signing after an unreplicated loss, and the other one has reported it.
TEST_F(VerifyTest, WhatAnotherVaultdHasToldOfIsCompared) {
  fill(20);
  store_checkpoint();
  const auto told = [&](const SigningKey& key, std::int64_t size, const Hash& root) {
    const Checkpoint checkpoint{key.name(), size, root};
    return writer_->store_contradiction({checkpoint, sign_checkpoint(checkpoint, key)}, "b");
  };
  const Hash root_of_20 = state_.head.merkle_root;
  ASSERT_TRUE(told(*key_, 20, root_of_20));
  ASSERT_TRUE(told(SigningKey::generate("vault.test/log").value(), 12, Hash{1}));  // not the log's key
  ASSERT_TRUE(told(SigningKey::generate("vault.test/other").value(), 12, Hash{1}));
  EXPECT_EQ(verdict(), "valid");
  ASSERT_TRUE(told(*key_, 40, Hash{1}));
  EXPECT_EQ(verdict(), "truncated@21");
  grow_to(50);
  EXPECT_EQ(verdict(), "checkpoint_mismatch@40");
  ASSERT_TRUE(told(*key_, 12, Hash{1}));
  EXPECT_EQ(verdict(), "checkpoint_mismatch@12");
  // The way out: a new identity continues, and what the old one has signed is evidence.
  ASSERT_EQ(append(*writer_, request_for(announcement_of("vault.test/second"))).kind, AppendKind::committed);
  store_checkpoint(SigningKey::generate("vault.test/second").value(), 50);
  EXPECT_EQ(verdict(), "valid");
}

// Signatures are verified in batches, after the rows: the first bad one is still named.
TEST_F(VerifyTest, ACheckpointARow) {
  fill(20'000);
  store_checkpoint_a_row(20'000);
  for (const unsigned threads : {1U, 2U}) {
    LedgerVerification request;
    request.threads = threads;
    const auto started = std::chrono::steady_clock::now();
    EXPECT_EQ(verdict(request), "valid");
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
    std::printf("%.0f entries a second, a stored checkpoint each, %u threads\n", 20'000 / took.count(), threads);
  }
  const std::string break_note =
      "UPDATE vault_checkpoint SET note = (SELECT replace(v.note, split_part(v.note, ' ', 3), split_part(o.note, ' ', "
      "3)) "
      "FROM vault_checkpoint v, vault_checkpoint o WHERE v.tree_size = {0} AND o.tree_size = {0} + 1) "
      "WHERE tree_size = {0}";
  tamper(fmt::format(fmt::runtime(break_note), 15'000));
  EXPECT_EQ(verdict(), "checkpoint_signature_invalid@15000");
  tamper("UPDATE vault_ledger SET verdict = 'VOID' WHERE sequence = 15001");
  EXPECT_EQ(verdict(), "checkpoint_signature_invalid@15000");
  tamper(fmt::format(fmt::runtime(break_note), 14'999));
  EXPECT_EQ(verdict(), "checkpoint_signature_invalid@14999");
  EXPECT_EQ(range(1, 14'998), "valid");
  tamper(
      "UPDATE vault_ledger SET verdict = CASE verdict WHEN 'VOID' THEN 'SEAL' ELSE 'VOID' END WHERE sequence = 14999");
  EXPECT_EQ(verdict(), "entry_hash_mismatch@14999");
}

TEST_F(VerifyTest, LedgerThatGrowsMeanwhileIsValid) {
  fill(20'000);
  bool grown = false;
  auto report = verify_ledger(*reader_, {}, [&](std::int64_t, std::int64_t) {
    if (!grown) grow_to(20'300);
    grown = true;
    return true;
  });
  ASSERT_TRUE(report);
  EXPECT_TRUE(grown);
  EXPECT_FALSE(report->finding);
  EXPECT_EQ(report->to, 20'000);
}

}  // namespace
}  // namespace vault::test
