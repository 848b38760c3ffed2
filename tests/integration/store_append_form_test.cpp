// The two forms of an append: which one a session uses, and what only the function can promise. Their equivalence in
// everything else is shown by running the tests of appends, fences and outcomes under each (CMakeLists.txt).
#include "tests/integration/store_fixture.hpp"

namespace vault::test {
namespace {

class AppendFormTest : public StoreTest {
 protected:
  void use(const std::string& form) {
    options_.url = url_ + " options=-cvault.append_form=" + form;
    writer_ = make_postgres_writer(options_);
  }
  // The form used by the latest append.
  std::string appends_with() {
    take_lease();
    auto session = writer_->open_session();
    if (!session) return session.error().message;
    const AppendOutcome outcome = append(**session, request_for(make_seal(state_.head.sequence + 1)));
    if (outcome.kind != AppendKind::committed) return outcome.detail;
    const std::string called =
        ask("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'SELECT "
            "vault_append(%'");
    return called == "0" ? "statement" : "function";
  }
};

TEST_F(AppendFormTest, IsTheStatementUnlessSomebodySaysOtherwise) {
  use("statement");
  EXPECT_EQ(appends_with(), "statement");
  use("function");
  EXPECT_EQ(appends_with(), "function");
  EXPECT_EQ(verdict(), "valid");
}

// On a server other than the session's, the session's settings do not apply.
TEST_F(AppendFormTest, FunctionIsDurableWhateverIsSetWhereItRuns) {
  run("CREATE TABLE seen (setting TEXT);"
      "CREATE FUNCTION note_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO seen VALUES "
      "(current_setting('synchronous_commit') || ' ' || current_setting('client_min_messages')); RETURN NULL; END $$;"
      "CREATE CONSTRAINT TRIGGER note AFTER UPDATE ON vault_head DEFERRABLE INITIALLY DEFERRED FOR EACH ROW "
      "EXECUTE FUNCTION note_commit();"
      "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
      "PERFORM set_config('synchronous_commit', 'off', false), set_config('client_min_messages', 'error', false); "
      "RETURN NULL; END $$");
  use("function");
  take_lease();
  auto session = writer_->open_session();
  ASSERT_TRUE(session);
  run("CREATE TRIGGER spoil AFTER UPDATE ON vault_head FOR EACH ROW EXECUTE FUNCTION spoil()");
  ASSERT_EQ(append(**session, request_for(make_seal(1))).kind, AppendKind::committed);  // spoils its session
  run("DROP TRIGGER spoil ON vault_head; DELETE FROM seen");
  ASSERT_EQ(append(**session, request_for(make_seal(2))).kind, AppendKind::committed);
  EXPECT_EQ(ask("SELECT setting FROM seen"), "on warning");
}

// A caller's search_path does not affect it.
TEST_F(AppendFormTest, FunctionMeansItsOwnSchema) {
  use("function");
  run("CREATE SCHEMA other; CREATE TABLE other.vault_head (LIKE vault_head)");
  take_lease();
  const AppendRequest request = request_for(make_seal(1));
  EXPECT_EQ(
      ask(fmt::format("SET search_path = other; SELECT public.vault_append(1, '{0}', '{0}', {1}, 0, '{2}', '{3}', "
                      "'{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', "
                      "'{{}}', NULL, NULL, NULL, NULL)",
                      std::string(64, 'a'), epoch_, std::string(64, '0'), std::string(64, 'b'))),
      "0");
  EXPECT_EQ(append(*writer_, request).kind, AppendKind::committed);
}

}  // namespace
}  // namespace vault::test
