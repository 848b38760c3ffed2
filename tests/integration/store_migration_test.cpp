// Migrations up, down, by hand and without rights; and the database's own protection of insert-only tables.
#include <atomic>
#include <cstdlib>
#include <thread>

#include "ledger/checkpoint.hpp"
#include "store/postgres/connection.hpp"
#include "store/postgres/migrator.hpp"
#include "tests/integration/store_fixture.hpp"

namespace vault::test {
namespace {

class MigrationTest : public ::testing::Test {
 protected:
  static PrivatePostgres& postgres() { return PrivatePostgres::instance(); }
  static std::string objects(const std::string& url) {
    return postgres().ask(
        url,
        "SELECT (SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace) || ' ' || "
        "(SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace)");
  }
  static int psql(const std::string& url, const std::string& file) {
    return std::system(fmt::format("'{}' -X -q -v ON_ERROR_STOP=1 -f '{}/{}' \"{}\" >/dev/null 2>&1",
                                   postgres().program("psql"), VAULT_MIGRATIONS_DIR, file, url)
                           .c_str());
  }
};

TEST_F(MigrationTest, UpDownUp) {
  const std::string url = postgres().create_empty_database();
  EXPECT_EQ(schema_version(url).value(), 0);
  EXPECT_FALSE(migration_status(url).value().front().applied);
  for (int round = 0; round < 2; ++round) {
    auto up = migrate_up(url);
    ASSERT_TRUE(up) << up.error().message;
    ASSERT_EQ(up->size(), static_cast<std::size_t>(schema_version_wanted()));
    EXPECT_TRUE(up->front().applied);
    EXPECT_FALSE(up->front().applied_at.empty());
    EXPECT_TRUE(migrate_up(url).value().empty());
    EXPECT_EQ(schema_version(url).value(), schema_version_wanted());
    EXPECT_TRUE(check_database(url));
    auto down = migrate_down(url);
    ASSERT_TRUE(down) << down.error().message;
    EXPECT_EQ(down->size(), up->size());
    EXPECT_TRUE(migrate_down(url).value().empty());
    EXPECT_EQ(objects(url), "0 0");
  }
}

TEST_F(MigrationTest, FailureLeavesNothingBehind) {
  const std::string url = postgres().create_empty_database();
  postgres().run(url, "CREATE TABLE vault_origin (x INT)");
  const std::string before = objects(url);
  auto up = migrate_up(url);
  ASSERT_FALSE(up);
  EXPECT_NE(up.error().message.find("001_ledger"), std::string::npos) << up.error().message;
  EXPECT_NE(up.error().message.find("vault_origin"), std::string::npos) << up.error().message;
  EXPECT_EQ(objects(url), before);
}

TEST_F(MigrationTest, ADatabaseOfAnotherEncodingStaysAsItIs) {
  const std::string any = postgres().create_empty_database();
  postgres().run(any, "CREATE DATABASE latin_empty TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'");
  const std::string url = postgres().url("latin_empty");
  auto up = migrate_up(url);
  ASSERT_FALSE(up);
  EXPECT_EQ(up.error().code, ErrorCode::invalid_argument);
  EXPECT_NE(up.error().message.find("LATIN1"), std::string::npos) << up.error().message;
  EXPECT_EQ(objects(url), "0 0");
}

TEST_F(MigrationTest, ManyRunnersAtOnce) {
  const std::string url = postgres().create_empty_database();
  std::vector<std::thread> runners;
  std::atomic<int> applied{0};
  for (int i = 0; i < 6; ++i) {
    runners.emplace_back([&] {
      auto up = migrate_up(url);
      EXPECT_TRUE(up);
      if (up) applied += static_cast<int>(up->size());
    });
  }
  for (auto& runner : runners) runner.join();
  EXPECT_EQ(applied, schema_version_wanted());
}

TEST_F(MigrationTest, ByHandWithPsql) {
  const std::string url = postgres().create_empty_database();
  for (const char* file : {"001_ledger", "002_promises", "003_validate", "004_holder"}) {
    ASSERT_EQ(psql(url, std::string(file) + ".sql"), 0) << file;
  }
  EXPECT_EQ(schema_version(url).value(), schema_version_wanted());
  const auto statuses = migration_status(url).value();
  for (const MigrationStatus& one : statuses) {
    EXPECT_TRUE(one.applied);
    EXPECT_TRUE(one.checksum_matches);  // applied by hand: no checksum to compare
  }
  EXPECT_TRUE(migrate_up(url));
  EXPECT_NE(psql(url, "001_ledger.sql"), 0);
  EXPECT_EQ(schema_version(url).value(), schema_version_wanted());
  for (const char* file : {"004_holder", "003_validate", "002_promises", "001_ledger"}) {
    ASSERT_EQ(psql(url, std::string(file) + ".rollback.sql"), 0) << file;
  }
  EXPECT_EQ(objects(url), "0 0");
}

TEST_F(MigrationTest, StatusTellsAnotherTextAndANewerSchema) {
  const std::string url = postgres().create_database();
  EXPECT_TRUE(migration_status(url).value().front().checksum_matches);
  postgres().run(url, "UPDATE vault_schema SET checksum = repeat('0', 64)");
  EXPECT_FALSE(migration_status(url).value().front().checksum_matches);
  postgres().run(url, "INSERT INTO vault_schema (version, name) VALUES (99, 'future')");
  EXPECT_EQ(schema_version(url).error().code, ErrorCode::internal);
  EXPECT_FALSE(migrate_up(url));
  EXPECT_EQ(check_database(url).error().code, ErrorCode::invalid_argument);
}

TEST_F(MigrationTest, ServerIsChecked) {
  EXPECT_EQ(check_database("host=/nowhere").error().code, ErrorCode::unavailable);
  const std::string empty = postgres().create_empty_database();
  auto bare = check_database(empty);
  EXPECT_EQ(bare.error().code, ErrorCode::invalid_argument);
  EXPECT_NE(bare.error().message.find("migrate up"), std::string::npos);
  postgres().run(postgres().url("postgres"), "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1'");
  auto latin = check_database(postgres().url("latin"));
  EXPECT_EQ(latin.error().code, ErrorCode::invalid_argument);
  EXPECT_NE(latin.error().message.find("LATIN1"), std::string::npos);
}

// An owner without the right to create roles; and then with existing roles.
TEST_F(MigrationTest, WorksWithoutTheRightToMakeRoles) {
  const std::string url = postgres().create_empty_database();
  postgres().run(url,
                 "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'plain') THEN "
                 "CREATE ROLE plain LOGIN; END IF; END $$; GRANT ALL ON SCHEMA public TO plain");
  std::string plain = url;
  plain.replace(plain.find("vault_test"), 10, "plain");
  auto up = migrate_up(plain);
  ASSERT_TRUE(up) << up.error().message;
  ASSERT_TRUE(migrate_down(plain));
}

TEST_F(MigrationTest, GroupRolesCanDoTheirWorkAndNoMore) {
  const std::string url = postgres().create_database();
  postgres().run(url, "CREATE ROLE w LOGIN IN ROLE vault_writer; CREATE ROLE r LOGIN IN ROLE vault_reader");
  const auto as = [&](const char* role) {
    std::string other = url;
    return other.replace(other.find("vault_test"), 10, role);
  };
  PostgresOptions options;
  options.url = as("w");
  auto writer = make_postgres_writer(options);
  LeaseOutcome lease = writer->take_lease({"a"});
  ASSERT_TRUE(std::holds_alternative<LeaseGrant>(lease)) << std::get<Error>(lease).message;
  LedgerState state = std::get<LeaseGrant>(lease).state;
  Seal seal{"s", "a", Verdict::seal, "{}", Uuid{{1}}};
  const SealInput input{&seal, Salt{}};
  AppendRequest request;
  request.epoch = 1;
  request.expected = state.head;
  request.batch = sequence_seals(state, {&input, 1}, Timestamp{1});
  request.next = state.head;
  const AppendOutcome outcome = append(*writer, request);
  ASSERT_EQ(outcome.kind, AppendKind::committed) << outcome.detail;
  const auto key = SigningKey::generate("o").value();
  const Checkpoint checkpoint{"o", 1, state.head.merkle_root};
  auto kept =
      writer->store_checkpoint(1, {checkpoint, sign_checkpoint(checkpoint, key)}, {"o", key.verifier().format(), 0});
  EXPECT_TRUE(kept) << kept.error().message;
  EXPECT_TRUE(make_postgres_lease_store(options)->renew("a", 1));

  options.url = as("r");
  auto reader = make_postgres_reader(options);
  auto report = verify_ledger(*reader, {}, nullptr);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_FALSE(report->finding);
  auto view = reader->snapshot();
  ASSERT_TRUE(view);
  PageRequest page;
  page.from = Timestamp{0};
  EXPECT_EQ((*view)->page(page).value().entries.size(), 1U);
  EXPECT_TRUE(check_database(as("r")));
  EXPECT_THROW(postgres().run(as("r"), "INSERT INTO vault_tile VALUES (0, 0, '', '')"), std::runtime_error);
  EXPECT_THROW(postgres().run(as("r"), "UPDATE vault_head SET head_sequence = 0"), std::runtime_error);
  EXPECT_THROW(postgres().run(as("w"), "DELETE FROM vault_ledger"), std::runtime_error);
  EXPECT_THROW(postgres().run(as("w"), "ALTER TABLE vault_ledger DISABLE TRIGGER ALL"), std::runtime_error);
  EXPECT_THROW(postgres().run(as("w"), "DELETE FROM vault_head"), std::runtime_error);
}

TEST_F(MigrationTest, InsertOnlyTablesRefuseEveryChange) {
  const std::string url = postgres().create_database();
  postgres().run(
      url,
      "INSERT INTO vault_ledger SELECT 1, 's', gen_random_uuid(), now(), 'a', 'SEAL', '{}', decode(repeat('00', 16), "
      "'hex'), NULL, repeat('a', 64), repeat('b', 64), repeat('c', 64);"
      "INSERT INTO vault_tile VALUES (0, 0, decode(repeat('00', 8192), 'hex'), decode(repeat('00', 32), 'hex'));"
      "INSERT INTO vault_checkpoint VALUES ('o', 1, repeat('d', 64), 'n');"
      "INSERT INTO vault_contradiction VALUES (repeat('e', 64), 'o', 1, repeat('d', 64), 'n', 'i');"
      "INSERT INTO vault_origin VALUES (1, 'o', 'v', 0)");
  // As superuser, as the tables' owner, and with plain triggers switched off.
  postgres().run(url,
                 "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'owner') THEN CREATE ROLE owner; "
                 "END IF; END $$; ALTER TABLE vault_ledger OWNER TO owner; ALTER TABLE vault_tile OWNER TO owner;"
                 "ALTER TABLE vault_checkpoint OWNER TO owner; ALTER TABLE vault_origin OWNER TO owner;"
                 "ALTER TABLE vault_contradiction OWNER TO owner");
  for (const std::string& before :
       {std::string(), std::string("SET ROLE owner;"), std::string("SET session_replication_role = replica;")}) {
    for (const std::string& change :
         {std::string("UPDATE vault_ledger SET authority = 'b'"), std::string("DELETE FROM vault_ledger"),
          std::string("TRUNCATE vault_ledger"), std::string("UPDATE vault_ledger SET authority = 'b' WHERE false"),
          std::string("INSERT INTO vault_ledger SELECT * FROM vault_ledger ON CONFLICT (sequence) DO UPDATE SET "
                      "authority = 'b'"),
          std::string("UPDATE vault_tile SET root = ''"), std::string("DELETE FROM vault_tile"),
          std::string("TRUNCATE vault_tile"), std::string("UPDATE vault_checkpoint SET note = ''"),
          std::string("DELETE FROM vault_checkpoint"), std::string("TRUNCATE vault_checkpoint"),
          std::string("UPDATE vault_contradiction SET note = ''"), std::string("DELETE FROM vault_contradiction"),
          std::string("TRUNCATE vault_contradiction"), std::string("UPDATE vault_origin SET vkey = ''"),
          std::string("DELETE FROM vault_origin"), std::string("TRUNCATE vault_origin")}) {
      try {
        postgres().run(url, before + change);
        ADD_FAILURE() << before << change;
      } catch (const std::runtime_error& error) {
        EXPECT_NE(std::string(error.what()).find("insert-only"), std::string::npos) << error.what();
      }
    }
  }
  EXPECT_EQ(postgres().ask(url, "SELECT authority FROM vault_ledger"), "a");
}

TEST_F(MigrationTest, ChecksKeepPayloadAndHashInStep) {
  const std::string url = postgres().create_database();
  const auto insert = [&](const std::string& payload, const std::string& verdict = "SEAL") {
    postgres().run(
        url,
        fmt::format("BEGIN; INSERT INTO vault_ledger (sequence, session_id, seal_id, timestamp, authority, verdict, "
                    "seal_data, data_salt, data_hash, entry_hash, prev_hash, merkle_root) VALUES "
                    "(1, 's', gen_random_uuid(), now(), 'a', '{}', {}, repeat('a', 64), repeat('b', 64), repeat('c', "
                    "64)); ROLLBACK",
                    verdict, payload));
  };
  const std::string salt = "decode(repeat('00', 16), 'hex')", hash = "repeat('d', 64)";
  const auto payload_of = [](const std::string& data, const std::string& data_salt, const std::string& data_hash) {
    return data + ", " + data_salt + ", " + data_hash;
  };
  EXPECT_NO_THROW(insert(payload_of("'{}'", salt, "NULL")));
  EXPECT_NO_THROW(insert(payload_of("NULL", "NULL", hash)));
  for (const std::string& payload :
       {payload_of("'{}'", "NULL", "NULL"), payload_of("NULL", salt, "NULL"), payload_of("'{}'", salt, hash),
        payload_of("NULL", "NULL", "NULL"), payload_of("NULL", salt, hash), payload_of("'{}'", "NULL", hash)}) {
    EXPECT_THROW(insert(payload), std::runtime_error) << payload;
  }
  for (const char* verdict : {"PARTIAL", "SABAR", "VOID", "888_HOLD", "SUNSET"}) {
    EXPECT_NO_THROW(insert(payload_of("'{}'", salt, "NULL"), verdict));
  }
  EXPECT_THROW(insert(payload_of("'{}'", salt, "NULL"), "seal"), std::runtime_error);
}

TEST_F(MigrationTest, ColumnsAreBounded) {
  const std::string url = postgres().create_database();
  const std::string row = "gen_random_uuid(), now(), 'a', 'SEAL', '{}', decode(repeat('00', 16), 'hex'), NULL, ";
  const std::string hashes = "repeat('a', 64), repeat('b', 64), repeat('c', 64)";
  for (const std::string& bad : {"INSERT INTO vault_ledger SELECT -1, 's', " + row + hashes,
                                 "INSERT INTO vault_ledger SELECT 0, 's', " + row + hashes,
                                 std::string("INSERT INTO vault_tile VALUES (0, 0, '', '')"),
                                 std::string("INSERT INTO vault_checkpoint VALUES ('o', -1, repeat('a', 64), 'n')"),
                                 std::string("INSERT INTO vault_origin VALUES (1, 'o', 'v', -1)")}) {
    EXPECT_THROW(postgres().run(url, bad), std::runtime_error) << bad;
  }
}

// From the schema of 0.1.0, with entries, one of which violates a constraint added later.
TEST_F(MigrationTest, UpgradesALedgerThatIsInUse) {
  const std::string url = postgres().create_empty_database();
  ASSERT_EQ(psql(url, "001_ledger.sql"), 0);
  const std::string insert_row =
      "INSERT INTO vault_ledger SELECT n, 's', gen_random_uuid(), now(), 'vaultd', 'SEAL', '{}', "
      "decode(repeat('00', 16), 'hex'), NULL, repeat('a', 64), repeat('b', 64), repeat('c', 64) "
      "FROM generate_series(-1, 300) n WHERE n <> 0;";
  postgres().run(url, insert_row + "UPDATE vault_head SET head_sequence = 300, writer_epoch = 7");
  const std::string file = postgres().ask(url, "SELECT pg_relation_filenode('vault_ledger')");
  auto up = migrate_up(url);
  ASSERT_TRUE(up) << up.error().message;
  EXPECT_EQ(postgres().ask(url, "SELECT pg_relation_filenode('vault_ledger')"), file) << "the table was rewritten";
  EXPECT_EQ(postgres().ask(url, "SELECT reserved_from FROM vault_meta"), "301");
  EXPECT_EQ(postgres().ask(url, "SELECT writer_epoch FROM vault_head"), "8") << "who wrote before is fenced";
  EXPECT_EQ(postgres().ask(url, "SELECT count(*) FROM pg_constraint WHERE NOT convalidated"), "1");
  EXPECT_EQ(postgres().ask(url, "SELECT convalidated FROM pg_constraint WHERE conname = 'vault_tile_check'"), "t");
  EXPECT_EQ(postgres().ask(url, "SET search_path = pg_catalog; SELECT public.vault_first_sequence_at('infinity')"),
            "301");
}

// Waits for a table in use, a second at a time.
TEST_F(MigrationTest, WaitsForATableThatIsHeld) {
  const std::string url = postgres().create_empty_database();
  ASSERT_EQ(psql(url, "001_ledger.sql"), 0);
  std::thread holder(
      [&] { postgres().run(url, "BEGIN; LOCK vault_ledger IN SHARE MODE; SELECT pg_sleep(2.5); COMMIT"); });
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  auto up = migrate_up(url);
  holder.join();
  ASSERT_TRUE(up) << up.error().message;
  EXPECT_EQ(schema_version(url).value(), schema_version_wanted());
}

// The statements with which a vaultd of 0.1.0 takes and keeps the lease.
TEST_F(MigrationTest, AnOlderVaultdIsRefusedByName) {
  const std::string url = postgres().create_database();
  for (const char* change : {"UPDATE vault_lease SET holder = 'old', epoch = 9, renewed_at = clock_timestamp()",
                             "UPDATE vault_lease SET renewed_at = clock_timestamp()"}) {
    try {
      postgres().run(url, change);
      ADD_FAILURE() << change;
    } catch (const std::runtime_error& error) {
      EXPECT_NE(std::string(error.what()).find("older than the ledger's schema"), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace vault::test
