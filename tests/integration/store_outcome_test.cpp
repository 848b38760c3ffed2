// The outcome for each error of an append, however the server reports it.
#include <string_view>

#include "tests/integration/store_fixture.hpp"

namespace vault::test {
namespace {

using OutcomeTest = StoreTest;

// Servers that forward another one's error name a part of the table's index, or keep only the message.
TEST_F(OutcomeTest, DuplicateIsKnownByItsIndexHoweverItIsTold) {
  take_lease();
  grow_to(2);
  run("ALTER TABLE vault_ledger RENAME CONSTRAINT vault_ledger_seal_id_key TO vault_ledger_seal_id_key_102029");
  Seal again = make_seal(9);
  again.seal_id = id_of(1);
  const AppendRequest request = request_for(again);
  EXPECT_EQ(append(*writer_, request).kind, AppendKind::duplicate);
  run("ALTER TABLE vault_ledger DROP CONSTRAINT vault_ledger_seal_id_key_102029;"
      "CREATE FUNCTION pass_on() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION "
      "'doppelter Schlüssel \"vault_ledger_seal_id_key_7\"' USING ERRCODE = 'XX000'; END $$;"
      "CREATE TRIGGER pass_on BEFORE INSERT ON vault_ledger FOR EACH ROW EXECUTE FUNCTION pass_on()");
  EXPECT_EQ(append(*writer_, request).kind, AppendKind::duplicate);
}

// An administrator may rename an index, but not change its columns.
TEST_F(OutcomeTest, DuplicateIsKnownByTheColumnsOfItsIndex) {
  take_lease();
  grow_to(2);
  Seal again = make_seal(9);
  again.seal_id = id_of(1);
  const AppendRequest duplicate = request_for(again);
  auto session = writer_->open_session();
  ASSERT_TRUE(session);
  run("ALTER TABLE vault_ledger RENAME CONSTRAINT vault_ledger_seal_id_key TO mine");
  EXPECT_EQ(append(**session, duplicate).kind, AppendKind::failed) << "renamed under the session: no tampering";
  EXPECT_EQ(append(*writer_, duplicate).kind, AppendKind::duplicate) << "the next session knows it";
  run("ALTER TABLE vault_ledger RENAME CONSTRAINT vault_ledger_pkey TO min");  // with which the other begins
  EXPECT_EQ(append(*writer_, duplicate).kind, AppendKind::duplicate);
  take_back();
  run("INSERT INTO vault_ledger SELECT 3, session_id, gen_random_uuid(), timestamp, authority, verdict, seal_data, "
      "data_salt, data_hash, entry_hash, prev_hash, merkle_root FROM vault_ledger WHERE sequence = 2");
  EXPECT_EQ(append(*writer_, request_for(make_seal(3))).kind, AppendKind::occupied);
}

TEST_F(OutcomeTest, RowInTheWayIsNotTheBatchesFault) {
  take_lease();
  grow_to(2);
  run("INSERT INTO vault_ledger SELECT 3, session_id, gen_random_uuid(), timestamp, authority, verdict, seal_data, "
      "data_salt, data_hash, entry_hash, prev_hash, merkle_root FROM vault_ledger WHERE sequence = 2");
  EXPECT_EQ(append(*writer_, request_for(make_seal(3))).kind, AppendKind::occupied);
}

// Once the statement is done, any failure is around the commit; and the outcome is unknown for a statement whose
// completion is unknown, or whose server is reported to be gone.
TEST_F(OutcomeTest, WhatFailsAroundTheCommitIsInDoubt) {
  take_lease();
  grow_to(2);
  for (const char* when : {"DEFERRED", "IMMEDIATE"}) {
    for (const char* state : {"23514", "40001", "40003", "08006", "57P03", "53100", "XX000"}) {
      const bool before = std::string_view(when) == "IMMEDIATE";
      const std::string_view code = state;
      run(
          fmt::format("CREATE FUNCTION fail_{0}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no' "
                      "USING ERRCODE = '{0}'; END $$; CREATE CONSTRAINT TRIGGER fail AFTER UPDATE ON vault_head "
                      "DEFERRABLE INITIALLY {1} FOR EACH ROW EXECUTE FUNCTION fail_{0}()",
                      state, when));
      const AppendKind kind = append(*writer_, request_for(make_seal(3))).kind;
      take_back();
      const bool doubtful = !before || code == "40003" || code == "08006" || code == "57P03";
      EXPECT_EQ(kind == AppendKind::in_doubt, doubtful) << when << ' ' << state;
      run(fmt::format("DROP TRIGGER fail ON vault_head; DROP FUNCTION fail_{}()", state));
    }
  }
}

}  // namespace
}  // namespace vault::test
