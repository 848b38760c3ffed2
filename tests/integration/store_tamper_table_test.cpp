// A table of tampering: whatever is done to any column of any table, with constraints and triggers out of the way, is
// seen by every verifier, and they all agree.
#include <cstdlib>
#include <filesystem>

#include "actors/auditor.hpp"
#include "store/archive/write.hpp"
#include "tests/integration/store_verify_fixture.hpp"
#include "tests/unit/actors/recorded_effects.hpp"

namespace vault::test {
namespace {

namespace fs = std::filesystem;

struct Case {
  const char* change;
  const char* found;               // "reason@sequence" or "valid"
  const char* database = nullptr;  // the answer of those who know only the database; nullptr: the same
  const char* archive = nullptr;   // the answer of archiving; nullptr: as the database's
};

// A ledger of 600 entries, two finished tiles, checkpoints of 10, 300 and 600.
const Case cases[] = {
    {"SELECT 1", "valid"},
    // --- vault_ledger: every column, in the middle, at both ends ---
    {"UPDATE vault_ledger SET session_id = 'x' WHERE sequence = 300", "entry_hash_mismatch@300"},
    {"UPDATE vault_ledger SET session_id = '' WHERE sequence = 600", "entry_hash_mismatch@600"},
    {"UPDATE vault_ledger SET seal_id = gen_random_uuid() WHERE sequence = 1", "entry_hash_mismatch@1"},
    {"UPDATE vault_ledger SET timestamp = timestamp - interval '1 microsecond' WHERE sequence = 2",
     "entry_hash_mismatch@2"},
    {"UPDATE vault_ledger SET timestamp = 'infinity' WHERE sequence = 600", "entry_hash_mismatch@600"},
    {"UPDATE vault_ledger SET authority = 'x' WHERE sequence = 300", "entry_hash_mismatch@300"},
    {"UPDATE vault_ledger SET verdict = CASE verdict WHEN 'VOID' THEN 'SEAL' ELSE 'VOID' END WHERE sequence = 300",
     "entry_hash_mismatch@300"},
    {"UPDATE vault_ledger SET verdict = 'MAYBE' WHERE sequence = 300", "entry_hash_mismatch@300"},
    {"UPDATE vault_ledger SET seal_data = '{\"n\": 0}' WHERE sequence = 300", "entry_hash_mismatch@300"},
    {"UPDATE vault_ledger SET seal_data = 'null' WHERE sequence = 300", "entry_hash_mismatch@300"},
    {"UPDATE vault_ledger SET seal_data = NULL WHERE sequence = 300", "entry_hash_mismatch@300"},
    {"UPDATE vault_ledger SET data_salt = NULL WHERE sequence = 300", "entry_hash_mismatch@300"},
    {"UPDATE vault_ledger SET data_salt = data_salt || '\\x00' WHERE sequence = 300", "entry_hash_mismatch@300"},
    {"UPDATE vault_ledger SET data_hash = {data_hash} WHERE sequence = 300", "entry_hash_mismatch@300"},
    {"UPDATE vault_ledger SET seal_data = NULL, data_salt = NULL, data_hash = {data_hash} WHERE sequence = 300",
     "erasure_unexplained@300"},
    {"UPDATE vault_ledger SET seal_data = NULL, data_salt = NULL, data_hash = repeat('0', 64) WHERE sequence = 300",
     "entry_hash_mismatch@300"},
    {"UPDATE vault_ledger SET entry_hash = repeat('0', 64) WHERE sequence = 300", "entry_hash_mismatch@300"},
    {"UPDATE vault_ledger SET prev_hash = repeat('0', 64) WHERE sequence = 300", "entry_hash_mismatch@300"},
    {"UPDATE vault_ledger SET merkle_root = repeat('0', 64) WHERE sequence = 300", "merkle_root_mismatch@300"},
    {"UPDATE vault_ledger SET merkle_root = '' WHERE sequence = 599", "merkle_root_mismatch@599"},
    {"UPDATE vault_ledger SET created_at = 'infinity'", "valid"},  // not part of the record
    {"UPDATE vault_ledger SET sequence = 9000 WHERE sequence = 300", "sequence_gap@300"},
    {"UPDATE vault_ledger SET sequence = 9000 WHERE sequence = 600", "sequence_gap@600"},
    {"UPDATE vault_ledger SET sequence = -7 WHERE sequence = 300", "stray_row@-7"},
    // --- rows deleted, swapped, duplicated, ahead of the ledger and below it ---
    {"DELETE FROM vault_ledger WHERE sequence = 1", "sequence_gap@1"},
    {"DELETE FROM vault_ledger WHERE sequence BETWEEN 100 AND 400", "sequence_gap@100"},
    {"DELETE FROM vault_ledger WHERE sequence = 600", "head_mismatch@600"},
    {"DELETE FROM vault_ledger", "head_mismatch@1"},
    {"UPDATE vault_ledger SET sequence = 1000 - sequence WHERE sequence IN (450, 550)", "entry_hash_mismatch@450"},
    {"INSERT INTO vault_ledger SELECT * FROM vault_ledger WHERE sequence = 300", "sequence_gap@301"},
    {"INSERT INTO vault_ledger SELECT * FROM vault_ledger WHERE sequence = 600", "sequence_gap@601"},
    {"SELECT copy_row(601)", "stray_row@601"},
    {"SELECT copy_row(1000000)", "stray_row@1000000"},
    {"SELECT copy_row(9223372036854775807)", "stray_row@9223372036854775807"},
    {"SELECT copy_row(0)", "stray_row@0"},
    {"SELECT copy_row(-1)", "stray_row@-1"},
    {"SELECT copy_row(-9223372036854775808)", "stray_row@-9223372036854775808"},
    // --- vault_head ---
    {"UPDATE vault_head SET head_sequence = 599", "stray_row@600"},
    {"UPDATE vault_head SET head_sequence = 601", "head_mismatch@601"},
    {"UPDATE vault_head SET head_sequence = 9223372036854775807", "head_mismatch@601"},
    {"UPDATE vault_head SET head_sequence = 0", "stray_row@1"},
    {"UPDATE vault_head SET head_sequence = -1", "stray_row@1"},
    {"UPDATE vault_head SET head_hash = repeat('0', 64)", "head_mismatch@600"},
    {"UPDATE vault_head SET head_hash = ''", "head_mismatch@600"},
    {"UPDATE vault_head SET merkle_root = repeat('0', 64)", "head_mismatch@600"},
    {"UPDATE vault_head SET id = 2", "head_mismatch@1"},
    {"INSERT INTO vault_head SELECT 2, 0, head_hash, merkle_root FROM vault_head", "head_mismatch@600"},
    {"DELETE FROM vault_head", "head_mismatch@1"},
    {"UPDATE vault_head SET writer_epoch = 99", "valid"},  // fences the writer, who says so
    {"UPDATE vault_head SET updated_at = 'infinity'", "valid"},
    // --- vault_tile ---
    {"UPDATE vault_tile SET hashes = set_byte(hashes, 0, get_byte(hashes, 0) # 1) WHERE index = 1",
     "tile_mismatch@512"},
    {"UPDATE vault_tile SET hashes = '' WHERE index = 0", "tile_mismatch@256"},
    {"UPDATE vault_tile SET root = set_byte(root, 31, get_byte(root, 31) # 1) WHERE index = 1", "tile_mismatch@512"},
    {"UPDATE vault_tile SET root = '' WHERE index = 0", "tile_mismatch@256"},
    {"UPDATE vault_tile SET index = index + 1", "tile_mismatch@256"},
    {"UPDATE vault_tile SET index = 1 - index", "tile_mismatch@256"},  // swapped
    {"UPDATE vault_tile SET level = 1 WHERE index = 0", "tile_mismatch@256"},
    {"DELETE FROM vault_tile WHERE index = 1", "tile_mismatch@512"},
    {"INSERT INTO vault_tile SELECT level, index, '', root FROM vault_tile WHERE index = 1", "tile_mismatch@512"},
    {"SELECT copy_tile(0, 2)", "stray_row@601"},
    {"SELECT copy_tile(0, 1000000)", "stray_row@601"},
    {"SELECT copy_tile(0, 9223372036854775807)", "stray_row@601"},
    {"SELECT copy_tile(0, -1)", "stray_row@601"},
    {"SELECT copy_tile(1, 0)", "stray_row@601"},
    {"SELECT copy_tile(6, 0)", "stray_row@601"},
    {"SELECT copy_tile(7, 0)", "stray_row@601"},
    {"SELECT copy_tile(2147483647, 5)", "stray_row@601"},
    {"SELECT copy_tile(-1, 0)", "stray_row@601"},
    // --- vault_checkpoint ---
    {"UPDATE vault_checkpoint SET origin = 'other' WHERE tree_size = 300", "checkpoint_signature_invalid@300"},
    {"UPDATE vault_checkpoint SET tree_size = 299 WHERE tree_size = 300", "checkpoint_mismatch@299"},
    {"UPDATE vault_checkpoint SET tree_size = -9 WHERE tree_size = 300", "checkpoint_mismatch@0"},
    {"UPDATE vault_checkpoint SET tree_size = 601 WHERE tree_size = 600", "checkpoint_mismatch@601"},
    {"UPDATE vault_checkpoint SET root = repeat('0', 64) WHERE tree_size = 300", "checkpoint_mismatch@300"},
    {"UPDATE vault_checkpoint SET root = '' WHERE tree_size = 300", "checkpoint_mismatch@300"},
    {"UPDATE vault_checkpoint SET note = '' WHERE tree_size = 300", "checkpoint_signature_invalid@300"},
    {"UPDATE vault_checkpoint SET note = (SELECT note FROM vault_checkpoint WHERE tree_size = 10) WHERE tree_size = "
     "300",
     "checkpoint_mismatch@300"},
    {"UPDATE vault_checkpoint SET note = left(note, length(note) - 20) || E'AAAAAAAAAAAAAAAAA==\\n' "
     "WHERE tree_size = 300",
     "checkpoint_signature_invalid@300"},
    {"UPDATE vault_checkpoint SET created_at = 'infinity'", "valid"},
    {"INSERT INTO vault_checkpoint SELECT * FROM vault_checkpoint WHERE tree_size = 300", "valid"},  // says the same
    {"INSERT INTO vault_checkpoint SELECT origin, 700, root, note FROM vault_checkpoint WHERE tree_size = 600",
     "checkpoint_mismatch@601"},
    {"INSERT INTO vault_checkpoint SELECT origin, 700, root, '' FROM vault_checkpoint WHERE tree_size = 600",
     "checkpoint_signature_invalid@601"},
    {"INSERT INTO vault_checkpoint SELECT 'aaa', 700, root, note FROM vault_checkpoint WHERE tree_size = 600",
     "checkpoint_signature_invalid@601"},
    {"INSERT INTO vault_checkpoint SELECT 'zzz', 9223372036854775807, root, note FROM vault_checkpoint "
     "WHERE tree_size = 600",
     "checkpoint_signature_invalid@601"},
    {"INSERT INTO vault_checkpoint SELECT 'zzz', 300, root, note FROM vault_checkpoint WHERE tree_size = 300",
     "checkpoint_signature_invalid@300"},
    // Nothing promises that one is stored. Whoever kept the newest still has it.
    {"DELETE FROM vault_checkpoint WHERE tree_size = 300", "valid"},
    // --- vault_origin ---
    {"UPDATE vault_origin SET origin = 'other'", "checkpoint_signature_invalid@10", nullptr,
     "checkpoint_signature_invalid@10"},
    {"UPDATE vault_origin SET vkey = 'x'", "checkpoint_signature_invalid@10"},
    {"UPDATE vault_origin SET vkey = {other_vkey}", "checkpoint_signature_invalid@10"},
    {"UPDATE vault_origin SET accepted_sequence = 601", "truncated@601"},
    {"UPDATE vault_origin SET ordinal = 7, created_at = 'infinity'", "valid"},
    {"DELETE FROM vault_origin", "checkpoint_signature_invalid@10"},
    // --- vault_meta: names the database, and is no part of the record ---
    {"UPDATE vault_meta SET ledger_id = gen_random_uuid(), created_at = 'infinity'", "valid"},
    {"UPDATE vault_meta SET reserved_from = 1", "valid"},  // concerns who may use a name, not what was sealed
    // --- vault_contradiction: reports between vaultds; only a signed note is believed ---
    {"INSERT INTO vault_contradiction (note_hash, origin, tree_size, root, note, told_by) VALUES ('', '', -1, '', '', "
     "'')",
     "valid"},
    // --- several at once ---
    {"DELETE FROM vault_ledger WHERE sequence > 590; SELECT head_at(590)", "truncated@591"},
    {"DELETE FROM vault_ledger WHERE sequence > 590; DELETE FROM vault_checkpoint WHERE tree_size > 590; SELECT "
     "head_at(590)",
     "truncated@591", "valid"},
    {"UPDATE vault_ledger SET verdict = 'VOID' WHERE sequence = 400; DELETE FROM vault_ledger WHERE sequence = 200;"
     "SELECT copy_row(601)",
     "sequence_gap@200"},
};

class TamperTableTest : public VerifyTest {
 protected:
  void SetUp() override {
    VerifyTest::SetUp();
    fill(10);
    store_checkpoint();
    grow_to(300);
    store_checkpoint();
    grow_to(600);
    store_checkpoint();
    head_ = state_.head;
    known_ = Checkpoint{"vault.test/log", 600, state_.head.merkle_root};
    data_hash_ = to_hex(snapshot()->entry_by_sequence(300).value()->data_hash);
    // Removes triggers, checks and keys. Their indexes stay, because ordered reads go through them.
    run("DO $$ DECLARE c record; BEGIN FOR c IN SELECT conrelid::regclass AS t, conname, contype FROM pg_constraint "
        "WHERE conrelid::regclass::text LIKE 'vault\\_%' LOOP EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.t, "
        "c.conname); END LOOP; "
        "FOR c IN SELECT oid::regclass AS t FROM pg_class WHERE relname LIKE 'vault\\_%' AND relkind = 'r' LOOP "
        "EXECUTE format('ALTER TABLE %s DISABLE TRIGGER ALL', c.t); END LOOP; END $$;"
        "ALTER TABLE vault_ledger ALTER COLUMN sequence DROP NOT NULL;"
        "CREATE INDEX ON vault_ledger (sequence); CREATE INDEX ON vault_tile (level, index);"
        "CREATE INDEX ON vault_checkpoint (origin, tree_size);"
        "CREATE FUNCTION copy_row(n BIGINT) RETURNS void LANGUAGE sql AS $$ INSERT INTO vault_ledger "
        "SELECT n, session_id, gen_random_uuid(), timestamp, authority, verdict, seal_data, data_salt, data_hash, "
        "entry_hash, prev_hash, merkle_root FROM vault_ledger WHERE sequence = 599 $$;"
        "CREATE FUNCTION copy_tile(l INTEGER, i BIGINT) RETURNS void LANGUAGE sql AS $$ INSERT INTO vault_tile "
        "SELECT l, i, hashes, root FROM vault_tile WHERE index = 0 $$;"
        "CREATE FUNCTION head_at(n BIGINT) RETURNS void LANGUAGE sql AS $$ UPDATE vault_head SET (head_sequence, "
        "head_hash, merkle_root) = (SELECT sequence, entry_hash, merkle_root FROM vault_ledger WHERE sequence = n) $$");
    writer_.reset();
    reader_.reset();
    directory_ = fs::temp_directory_path() / "vault-table-XXXXXX";
    std::string pattern = directory_.string();
    directory_ = ::mkdtemp(pattern.data());
  }
  void TearDown() override { fs::remove_all(directory_); }

  static void replace(std::string& text, const std::string& what, const std::string& with) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) {
      text.replace(at, what.size(), with);
    }
  }

  std::string sql_of(const Case& one) const {
    std::string sql = one.change;
    replace(sql, "{data_hash}", "'" + data_hash_ + "'");
    replace(sql, "{other_vkey}", "'" + SigningKey::generate("vault.test/log")->verifier().format() + "'");
    return sql;
  }

  // A database of its own, changed.
  std::string changed(const Case& one, int number) {
    const std::string name = fmt::format("tampered_{}_{}", ::getpid(), number);
    PrivatePostgres& server = PrivatePostgres::instance();
    const std::string base = server.ask(url_, "SELECT current_database()");
    server.run(server.url("postgres"), fmt::format("CREATE DATABASE {} TEMPLATE {}", name, base));
    server.run(server.url(name), sql_of(one));
    return server.url(name);
  }

  static std::string say(const std::optional<Finding>& finding) {
    return finding ? fmt::format("{}@{}", finding_name(finding->reason), finding->sequence) : "valid";
  }

  std::string verified(ReaderStore& reader, bool by_vaultd) const {
    LedgerVerification request;
    if (by_vaultd) {
      request.known.push_back(known_);
      request.known_head = head_;
    }
    const auto report = verify_ledger(reader, request, nullptr);
    return report ? say(report->finding) : report.error().message;
  }

  // Every finding that the auditor alerts about within ten seconds.
  std::set<std::string> audited(ReaderStore& reader) const {
    RecordedEffects effects;
    Auditor auditor(reader, {100'000});
    CheckpointSigned told;
    told.checkpoint = {known_, {}};
    auditor.handle(told, effects);
    for (int i = 0; i < 10; ++i) {
      effects.time += std::chrono::seconds(1);
      auditor.handle(TimerFired{0}, effects);
    }
    std::set<std::string> found;
    for (const AlertMessage& alert : effects.messages<AlertMessage>(ActorId::publisher)) {
      found.insert(fmt::format("{}@{}", alert.alert.reason, alert.alert.sequence));
    }
    return found;
  }

  std::string archived(ReaderStore& reader, int number) const {
    const auto source = make_store_archive_source(reader);
    const fs::path out = directory_ / std::to_string(number);
    const auto written = write_archive(*source, {out.string(), true, std::nullopt}, nullptr);
    if (written) return "valid";
    // "entry 300 does not verify: reason: detail"
    std::int64_t sequence = 0;
    char reason[64] = "";
    if (std::sscanf(written.error().message.c_str(), "entry %ld does not verify: %63[a-z_]", &sequence, reason) != 2) {
      return written.error().message;
    }
    return fmt::format("{}@{}", reason, sequence);
  }

  Head head_;
  Checkpoint known_;
  std::string data_hash_;
  fs::path directory_;
};

TEST_F(TamperTableTest, EverythingIsFoundByEveryone) {
  int number = 0;
  for (const Case& one : cases) {
    PostgresOptions options;
    options.url = changed(one, ++number);
    const auto reader = make_postgres_reader(options);
    const std::string alone = one.database != nullptr ? one.database : one.found;
    EXPECT_EQ(verified(*reader, false), alone) << one.change;
    EXPECT_EQ(verified(*reader, true), one.found) << one.change;
    EXPECT_EQ(archived(*reader, number), one.archive != nullptr ? one.archive : alone) << one.change;
    const std::set<std::string> alerts = audited(*reader);
    if (one.found == std::string("valid")) {
      EXPECT_TRUE(alerts.empty()) << one.change << ": " << *alerts.begin();
    } else {
      EXPECT_TRUE(alerts.contains(one.found)) << one.change;
    }
  }
}

}  // namespace
}  // namespace vault::test
