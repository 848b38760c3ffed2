// Verification names the first bad sequence and the reason, whatever is done to the tables behind its back.
#include "tests/integration/store_verify_fixture.hpp"

namespace vault::test {
namespace {

using TamperTest = VerifyTest;

TEST_F(TamperTest, EveryColumnIsGuarded) {
  fill(600);
  const std::vector<std::pair<std::string, std::string>> edits{
      {"session_id = 'x'", "entry_hash_mismatch"},
      {"session_id = ''", "entry_hash_mismatch"},
      {"seal_id = gen_random_uuid()", "entry_hash_mismatch"},
      {"timestamp = timestamp + interval '1 microsecond'", "entry_hash_mismatch"},
      {"timestamp = 'infinity'", "entry_hash_mismatch"},
      {"timestamp = '-infinity'", "entry_hash_mismatch"},
      {"authority = authority || ' '", "entry_hash_mismatch"},
      {"verdict = CASE verdict WHEN 'VOID' THEN 'SEAL' ELSE 'VOID' END", "entry_hash_mismatch"},
      {"seal_data = jsonb_set(seal_data, '{n}', '0')", "entry_hash_mismatch"},
      {"seal_data = '[]'", "entry_hash_mismatch"},
      {"data_salt = set_byte(data_salt, 15, 1)", "entry_hash_mismatch"},
      {"data_salt = ''", "entry_hash_mismatch"},
      {"seal_data = NULL, data_salt = NULL, data_hash = repeat('0', 64)", "entry_hash_mismatch"},
      {"seal_data = NULL, data_salt = NULL, data_hash = 'gone'", "entry_hash_mismatch"},
      {"entry_hash = repeat('0', 64)", "entry_hash_mismatch"},
      {"entry_hash = ''", "entry_hash_mismatch"},
      {"prev_hash = repeat('0', 64)", "entry_hash_mismatch"},
      {"merkle_root = repeat('0', 64)", "merkle_root_mismatch"},
      {"merkle_root = upper(merkle_root)", "merkle_root_mismatch"},
  };
  run("CREATE TABLE original AS SELECT * FROM vault_ledger WHERE sequence IN (300, 600)");
  for (const int sequence : {300, 600}) {
    for (const auto& [edit, reason] : edits) {
      tamper(fmt::format("UPDATE vault_ledger SET {} WHERE sequence = {}", edit, sequence));
      EXPECT_EQ(verdict(), fmt::format("{}@{}", reason, sequence)) << edit;
      EXPECT_EQ(range(1, sequence - 1), "valid") << edit;
      tamper(
          fmt::format("DELETE FROM vault_ledger WHERE sequence = {0};"
                      "INSERT INTO vault_ledger SELECT * FROM original WHERE sequence = {0}",
                      sequence));
    }
  }
  EXPECT_EQ(verdict(), "valid");
  // Not hashed: informative.
  tamper("UPDATE vault_ledger SET created_at = now() + interval '1 day'");
  EXPECT_EQ(verdict(), "valid");
}

TEST_F(TamperTest, SequenceIsGuarded) {
  fill(20);
  tamper("UPDATE vault_ledger SET sequence = 5000000000 WHERE sequence = 20");
  EXPECT_EQ(verdict(), "sequence_gap@20");
  tamper(
      "UPDATE vault_ledger SET sequence = 20 WHERE sequence > 20; UPDATE vault_ledger SET sequence = -7 WHERE sequence "
      "= 9");
  EXPECT_EQ(verdict(), "stray_row@-7");  // the first of the two failures
  EXPECT_EQ(range(2, 20), "sequence_gap@9");
}

TEST_F(TamperTest, SequenceAtTheEndOfTheNumbersIsFound) {
  fill(20);
  tamper("UPDATE vault_ledger SET sequence = 9223372036854775807 WHERE sequence = 20");
  EXPECT_EQ(verdict(), "sequence_gap@20");
}

TEST_F(TamperTest, RewrittenRowsAreFoundByTheirChain) {
  fill(20);
  // A row whose own hash is consistent, but which does not follow: taken from another history.
  tamper(
      "UPDATE vault_ledger SET sequence = -1 WHERE sequence = 7; UPDATE vault_ledger SET sequence = 7 WHERE sequence = "
      "8;"
      "UPDATE vault_ledger SET sequence = 8 WHERE sequence = -1");
  EXPECT_EQ(verdict(), "entry_hash_mismatch@7");
}

TEST_F(TamperTest, RowOfAnotherChainIsPrevHashMismatch) {
  fill(20);
  // Entry 21 built on another entry 20.
  LedgerState other = state_;
  other.head.entry_hash = Hash{1};
  const Seal seal = make_seal(21);
  const SealInput input{&seal, Salt{7}};
  AppendRequest forged;
  forged.epoch = epoch_;
  forged.expected = state_.head;
  forged.batch = sequence_seals(other, {&input, 1}, time_of(21));
  forged.next = other.head;
  ASSERT_EQ(append(*writer_, forged).kind, AppendKind::committed);
  EXPECT_EQ(verdict(), "prev_hash_mismatch@21");
}

TEST_F(TamperTest, TimeThatRunsBackwardsIsFound) {
  fill(20);
  LedgerState other = state_;
  other.head.timestamp = {};
  const Seal seal = make_seal(21);
  const SealInput input{&seal, Salt{7}};
  AppendRequest forged;
  forged.epoch = epoch_;
  forged.expected = state_.head;
  forged.batch = sequence_seals(other, {&input, 1}, time_of(19));
  forged.next = other.head;
  ASSERT_EQ(append(*writer_, forged).kind, AppendKind::committed);
  EXPECT_EQ(verdict(), "timestamp_regression@21");
}

TEST_F(TamperTest, DeletedRowsAreFound) {
  fill(20'000);
  tamper("DELETE FROM vault_ledger WHERE sequence BETWEEN 16380 AND 19990");
  EXPECT_EQ(verdict(), "sequence_gap@16380");
  tamper("DELETE FROM vault_ledger WHERE sequence > 16000");
  EXPECT_EQ(verdict(), "head_mismatch@16001");
  EXPECT_EQ(range(1, 16'000), "valid");
  EXPECT_EQ(range(1, 17'000), "head_mismatch@16001");
  tamper("DELETE FROM vault_ledger");
  EXPECT_EQ(verdict(), "head_mismatch@1");
}

TEST_F(TamperTest, DeletedRowInTheMiddleAndAtTheEnd) {
  fill(50);
  tamper("DELETE FROM vault_ledger WHERE sequence = 50");
  EXPECT_EQ(verdict(), "head_mismatch@50");
  tamper("DELETE FROM vault_ledger WHERE sequence = 1");
  EXPECT_EQ(verdict(), "sequence_gap@1");
  EXPECT_EQ(range(2, 10), "sequence_gap@1");
  EXPECT_EQ(range(10, 20), "merkle_root_mismatch@9");  // the tree before the range cannot be rebuilt
}

TEST_F(TamperTest, EditedHeadIsFound) {
  fill(50);
  for (const auto& [edit, finding] :
       std::vector<std::pair<std::string, std::string>>{{"head_hash = repeat('0', 64)", "head_mismatch@50"},
                                                        {"head_hash = 'x'", "head_mismatch@50"},
                                                        {"merkle_root = repeat('0', 64)", "head_mismatch@50"},
                                                        {"head_sequence = 49", "stray_row@50"},
                                                        {"head_sequence = 51", "head_mismatch@51"},
                                                        {"head_sequence = 0", "stray_row@1"}}) {
    tamper("CREATE TABLE original AS SELECT * FROM vault_head");
    run("UPDATE vault_head SET " + edit);
    EXPECT_EQ(verdict(), finding) << edit;
    if (edit != "head_sequence = 0") {
      EXPECT_EQ(range(1, 40), "valid") << edit;
    }
    run("DELETE FROM vault_head; INSERT INTO vault_head SELECT * FROM original; DROP TABLE original");
  }
  run("DELETE FROM vault_head");
  EXPECT_EQ(verdict(), "head_mismatch@1");
}

TEST_F(TamperTest, TailAndHeadCutTogetherIsFoundByCheckpoints) {
  fill(600);
  const Head full = state_.head;
  const auto cut = [this](int size) {
    tamper(fmt::format(
        "DELETE FROM vault_ledger WHERE sequence > {0}; DELETE FROM vault_tile WHERE (index + 1) * 256 > {0};"
        "UPDATE vault_head SET (head_sequence, head_hash, merkle_root) = "
        "(SELECT sequence, entry_hash, merkle_root FROM vault_ledger WHERE sequence = {0})",
        size));
  };
  LedgerVerification known;
  known.known.push_back({"elsewhere", 590, full.merkle_root});
  cut(580);
  EXPECT_EQ(verdict(), "valid");  // nothing in the database shows it
  EXPECT_EQ(verdict(known), "truncated@581");
  LedgerVerification by_head;
  by_head.known_head = full;
  EXPECT_EQ(verdict(by_head), "truncated@581");
  LedgerVerification resumed;
  resumed.resume = LedgerState{full, {}};
  EXPECT_EQ(verdict(resumed), "truncated@581");
}

TEST_F(TamperTest, TailAndHeadCutBelowAStoredCheckpoint) {
  fill(600);
  store_checkpoint();
  tamper(
      "DELETE FROM vault_ledger WHERE sequence > 599;"
      "UPDATE vault_head SET (head_sequence, head_hash, merkle_root) = "
      "(SELECT sequence, entry_hash, merkle_root FROM vault_ledger WHERE sequence = 599)");
  EXPECT_EQ(verdict(), "truncated@600");
  EXPECT_EQ(range(1, 598), "valid");
}

TEST_F(TamperTest, TamperedTilesAreFound) {
  fill(600);
  EXPECT_EQ(ask("SELECT count(*) FROM vault_tile"), "2");
  const std::string flip = "set_byte({0}, 31, get_byte({0}, 31) # 1)";
  const std::string hashes =
      "UPDATE vault_tile SET hashes = " + fmt::format(fmt::runtime(flip), "hashes") + " WHERE index = 1";
  const std::string root =
      "UPDATE vault_tile SET root = " + fmt::format(fmt::runtime(flip), "root") + " WHERE index = 0";
  tamper(hashes);
  EXPECT_EQ(verdict(), "tile_mismatch@512");
  EXPECT_EQ(range(1, 511), "valid");
  tamper(root);
  EXPECT_EQ(verdict(), "tile_mismatch@256");
  tamper(hashes + ";" + root);
  EXPECT_EQ(verdict(), "valid");
  tamper("INSERT INTO vault_tile SELECT level, 2, hashes, root FROM vault_tile WHERE index = 0");
  EXPECT_EQ(verdict(), "stray_row@601");
  tamper("DELETE FROM vault_tile WHERE index <> 1");
  EXPECT_EQ(verdict(), "tile_mismatch@256");
  tamper("UPDATE vault_tile SET index = 0, hashes = ''");
  EXPECT_EQ(verdict(), "tile_mismatch@256");
}

TEST_F(TamperTest, TamperedCheckpointsAreFound) {
  fill(10);
  store_checkpoint();
  grow_to(20);
  store_checkpoint();
  EXPECT_EQ(verdict(), "valid");
  run("CREATE TABLE original AS SELECT * FROM vault_checkpoint");
  const auto restore = [this] {
    tamper("DELETE FROM vault_checkpoint; INSERT INTO vault_checkpoint SELECT * FROM original");
  };
  for (const auto& [edit, finding] : std::vector<std::pair<std::string, std::string>>{
           {"root = repeat('0', 64)", "checkpoint_mismatch@10"},
           {"root = 'x'", "checkpoint_mismatch@10"},
           {"tree_size = 9", "checkpoint_mismatch@9"},
           {"tree_size = -9", "checkpoint_mismatch@0"},
           {"tree_size = 99", "checkpoint_mismatch@21"},
           {"origin = 'vault.test/other'", "checkpoint_signature_invalid@10"},
           {"note = ''", "checkpoint_signature_invalid@10"},
           {"note = replace(note, E'log\\n10\\n', E'log\\n11\\n')", "checkpoint_mismatch@10"},
           {"note = regexp_replace(note, '[A-Za-z0-9+/]{4}=+\\n$', E'AAA=\\n')", "checkpoint_signature_invalid@10"},
           {"note = left(note, length(note) - 20) || E'AAAAAAAAAAAAAAAAA==\\n'", "checkpoint_signature_invalid@10"}}) {
    tamper("UPDATE vault_checkpoint SET " + edit + " WHERE tree_size = 10");
    EXPECT_EQ(verdict(), finding) << edit;
    restore();
  }
  tamper("UPDATE vault_origin SET vkey = 'x'");
  EXPECT_EQ(verdict(), "checkpoint_signature_invalid@10");
}

// Every row consistently rewritten: only the checkpoint reveals it.
TEST_F(TamperTest, RewrittenHistoryIsCheckpointMismatch) {
  fill(30);
  store_checkpoint();
  tamper(
      "DELETE FROM vault_ledger; UPDATE vault_head SET head_sequence = 0, head_hash = repeat('0', 64), "
      "merkle_root = encode(sha256(''), 'hex')");
  state_ = LedgerState{};
  Seal other = make_seal(500);
  ASSERT_EQ(append(*writer_, request_for(other)).kind, AppendKind::committed);
  grow_to(40);
  EXPECT_EQ(verdict(), "checkpoint_mismatch@30");
}

// Whether a retried seal is the same depends neither on the stored payload nor on other rows.
TEST_F(TamperTest, SealsAreFoundWhateverHasBecomeOfOtherRows) {
  take_lease();
  grow_to(20);
  const auto found_as = [&](std::int64_t number) -> std::string {
    const std::vector<Uuid> ids{id_of(1), id_of(number), id_of(20)};
    const auto found = writer_->find_seals(ids);
    if (!found || found->size() != 3 || !found->at(0) || !found->at(2)) return "all lost";
    EXPECT_EQ(match_seal(*found->at(0).value(), make_seal(1)), SealMatch::same);
    EXPECT_EQ(match_seal(*found->at(2).value(), make_seal(20)), SealMatch::same);
    if (!found->at(1)) return found->at(1).error().message;
    if (!found->at(1).value()) return "none";
    const char* const names[] = {"same", "other", "damaged"};
    return names[static_cast<std::size_t>(match_seal(*found->at(1).value(), make_seal(number)))];
  };
  EXPECT_EQ(found_as(99), "none");
  tamper(
      "ALTER TABLE vault_ledger DROP CONSTRAINT IF EXISTS vault_ledger_payload_check;"
      "UPDATE vault_ledger SET seal_data = '[]' WHERE sequence = 2;"
      "UPDATE vault_ledger SET seal_data = to_jsonb(repeat('x', 30000000)) WHERE sequence = 3;"
      "UPDATE vault_ledger SET entry_hash = repeat('a', 64) WHERE sequence = 5;"
      "UPDATE vault_ledger SET prev_hash = repeat('b', 64) WHERE sequence = 7;"
      "UPDATE vault_ledger SET entry_hash = 'short' WHERE sequence = 9;"
      "UPDATE vault_ledger SET data_salt = 'short' WHERE sequence = 11;"
      "UPDATE vault_ledger SET authority = repeat('long', 10000000) WHERE sequence = 13;"
      "UPDATE vault_ledger SET session_id = 'another' WHERE sequence = 15;"
      "UPDATE vault_ledger SET seal_data = NULL, data_salt = NULL, data_hash = repeat('c', 64) WHERE sequence = 17");
  EXPECT_EQ(found_as(2), "same");
  EXPECT_EQ(found_as(3), "same");
  EXPECT_EQ(found_as(5), "damaged");
  EXPECT_EQ(found_as(7), "damaged");
  EXPECT_EQ(found_as(9), "entry 9: column entry_hash holds no value of its kind");
  EXPECT_EQ(found_as(11), "entry 11: column data_salt holds no value of its kind");
  EXPECT_EQ(found_as(13), "entry 13: column authority holds no value of its kind");
  EXPECT_EQ(found_as(15), "other");
  EXPECT_EQ(found_as(17), "damaged");
}

// A page lost by the disk affects only its own seals, and the session continues.
TEST_F(TamperTest, SealsBesideADamagedPageAreFound) {
  take_lease();
  grow_to(400);
  run("VACUUM vault_ledger");
  const std::string in_block =
      ask("SELECT string_agg(sequence::text, ' ') FROM vault_ledger WHERE (ctid::text::point)[0] = 1");
  PrivatePostgres::instance().flip_bits(url_, "vault_ledger", 1);
  std::vector<Uuid> ids;
  for (std::int64_t number = 1; number <= 400; ++number) ids.push_back(id_of(number));
  const auto found = writer_->find_seals(ids);
  PrivatePostgres::instance().flip_bits(url_, "vault_ledger", 1);
  ASSERT_TRUE(found) << found.error().message;
  std::size_t lost = 0;
  for (std::size_t i = 0; i < found->size(); ++i) {
    if (!found->at(i)) {
      ++lost;
      EXPECT_EQ(found->at(i).error().code, ErrorCode::internal);
    } else {
      EXPECT_EQ(match_seal(*found->at(i).value(), make_seal(static_cast<std::int64_t>(i) + 1)), SealMatch::same);
    }
  }
  EXPECT_GT(lost, 0U);
  EXPECT_LE(lost, static_cast<std::size_t>(std::count(in_block.begin(), in_block.end(), ' ')) + 3);  // and neighbours
}

}  // namespace
}  // namespace vault::test
