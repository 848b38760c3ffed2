// Missing guards are named: triggers, unique indexes, logged tables.
#include "store/postgres/guards.hpp"

#include "tests/integration/store_fixture.hpp"

namespace vault::test {
namespace {

class GuardsTest : public StoreTest {
 protected:
  std::string missing(const std::string& change) {
    if (!change.empty()) run(change);
    auto connection = PgConnection::open({url_, "test"}, "", {&guards_statement, 1});
    EXPECT_TRUE(connection);
    auto found = missing_guard(**connection);
    EXPECT_TRUE(found) << found.error().message;
    return found->value_or("");
  }
};

TEST_F(GuardsTest, NothingIsMissingInALedgerAsItIsMade) {
  EXPECT_EQ(missing(""), "");
}

TEST_F(GuardsTest, TriggersAreAskedForByName) {
  for (const std::string table : {"vault_ledger", "vault_tile", "vault_checkpoint", "vault_origin", "vault_meta"}) {
    for (const std::string trigger : {"vault_insert_only", "vault_insert_only_row"}) {
      const std::string said =
          "trigger " + trigger + " of " + table + ", which refuses changes, is gone or not enabled ALWAYS";
      const std::string alter = "ALTER TABLE " + table;
      EXPECT_EQ(missing(alter + " DISABLE TRIGGER " + trigger), said);
      EXPECT_EQ(missing(alter + " ENABLE TRIGGER " + trigger), said);  // disabled by session_replication_role
      EXPECT_EQ(missing(alter + " ENABLE ALWAYS TRIGGER " + trigger), "");
    }
  }
  EXPECT_EQ(missing("DROP TRIGGER vault_insert_only_row ON vault_tile"),
            "trigger vault_insert_only_row of vault_tile, which refuses changes, is gone or not enabled ALWAYS");
}

TEST_F(GuardsTest, UniqueIndexesMustBeThereAndValid) {
  EXPECT_EQ(missing("ALTER TABLE vault_ledger DROP CONSTRAINT vault_ledger_seal_id_key"),
            "vault_ledger has no valid unique index of (seal_id)");
  EXPECT_EQ(missing("CREATE UNIQUE INDEX another ON vault_ledger (seal_id) WHERE sequence > 5"),
            "vault_ledger has no valid unique index of (seal_id)");
  EXPECT_EQ(missing("CREATE UNIQUE INDEX under_another_name ON vault_ledger (seal_id)"), "");
  EXPECT_EQ(missing("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'under_another_name'::regclass"),
            "vault_ledger has no valid unique index of (seal_id)");
  EXPECT_EQ(missing("DROP INDEX under_another_name; CREATE UNIQUE INDEX ON vault_ledger (seal_id);"
                    "ALTER TABLE vault_tile DROP CONSTRAINT vault_tile_pkey"),
            "vault_tile has no valid unique index of (level,index)");
}

TEST_F(GuardsTest, TablesMustBeLoggedAndPlain) {
  EXPECT_EQ(missing("ALTER TABLE vault_checkpoint SET UNLOGGED"),
            "vault_checkpoint is not a logged table: a crash empties it");
  EXPECT_EQ(missing("ALTER TABLE vault_checkpoint SET LOGGED"), "");
  EXPECT_EQ(missing("CREATE RULE drop_it AS ON INSERT TO vault_ledger DO INSTEAD NOTHING"),
            "vault_ledger has rules or row security: what is read or written there may be something else");
  EXPECT_EQ(missing("DROP RULE drop_it ON vault_ledger; ALTER TABLE vault_head ENABLE ROW LEVEL SECURITY"),
            "vault_head has rules or row security: what is read or written there may be something else");
}

TEST_F(GuardsTest, WhoeverTakesTheLeaseIsTold) {
  const auto granted = [this](const std::string& instance) {
    LeaseOutcome outcome = make_postgres_writer(options_)->take_lease({instance, std::chrono::milliseconds(3000)});
    const auto* grant = std::get_if<LeaseGrant>(&outcome);
    EXPECT_NE(grant, nullptr);
    return grant == nullptr ? std::nullopt : grant->missing_guard;
  };
  EXPECT_EQ(granted("a"), std::nullopt);
  run("ALTER TABLE vault_ledger DISABLE TRIGGER vault_insert_only");
  EXPECT_EQ(granted("a"),
            "trigger vault_insert_only of vault_ledger, which refuses changes, is gone or not enabled ALWAYS");
}

}  // namespace
}  // namespace vault::test
