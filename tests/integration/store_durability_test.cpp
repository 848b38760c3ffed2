// Whatever has been acknowledged is durable: on the server's disk and, if the server names synchronous standbys, on
// theirs, whatever is changed or cancelled while the writer is at work.
#include <chrono>
#include <functional>
#include <thread>

#include "tests/integration/store_fixture.hpp"

namespace vault::test {
namespace {

class DurabilityTest : public StoreTest {
 protected:
  void TearDown() override {
    for (const char* name : {"synchronous_standby_names", "synchronous_commit", "fsync"}) {
      set_server(fmt::format("ALTER SYSTEM RESET {}", name));
    }
  }

  // This must not wait for a standby itself.
  void set_server(const std::string& sql) {
    run(sql);
    run("SELECT pg_reload_conf()");
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
  void need_standby() { set_server("ALTER SYSTEM SET synchronous_standby_names = 'nobody'"); }

  static bool within_seconds(int seconds, const std::function<bool()>& happens) {
    for (int i = 0; i < seconds * 100 && !happens(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return happens();
  }
  // Waits until one of the writer's sessions waits for a standby.
  bool somebody_waits() {
    return within_seconds(10, [&] { return ask(count_waiting) != "0"; });
  }
  void end_wait(const std::string& how) {
    run("SELECT " + how + "(pid) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'SyncRep'");
  }

  static constexpr const char* count_waiting =
      "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'SyncRep'";
};

// The server answers a cancelled wait with success and a warning.
TEST_F(DurabilityTest, CancelledWaitForAStandbyIsInDoubtUntilTheStandbyHasIt) {
  take_lease();
  grow_to(2);
  for (const char* how : {"pg_cancel_backend", "pg_terminate_backend"}) {
    auto session = writer_->open_session();
    ASSERT_TRUE(session);
    need_standby();
    AppendRequest request = request_for(make_seal(state_.head.sequence + 1));
    (*session)->append(std::make_shared<const AppendRequest>(request));
    ASSERT_TRUE(somebody_waits());
    end_wait(how);
    const AppendOutcome outcome = wait_for_outcome(**session);
    EXPECT_EQ(outcome.kind, AppendKind::in_doubt) << how << ": " << outcome.detail;
    // Here it is committed; resolving the doubt must wait for the standby too, and that wait may be cancelled.
    ResolveOutcome resolved;
    std::thread cancelled([&] { resolved = writer_->resolve(request); });
    ASSERT_TRUE(somebody_waits());
    end_wait(how);
    cancelled.join();
    EXPECT_EQ(resolved.kind, ResolveKind::unreachable) << how;
    std::thread satisfied([&] { resolved = writer_->resolve(request); });
    ASSERT_TRUE(somebody_waits());
    set_server("ALTER SYSTEM RESET synchronous_standby_names");
    satisfied.join();
    ASSERT_EQ(resolved.kind, ResolveKind::committed) << resolved.detail;
    epoch_ = resolved.epoch;
  }
  EXPECT_EQ(verdict(), "valid");
}

// A vaultd that takes over sees entries that the standby may lack: the lease is granted once the standby has caught up.
TEST_F(DurabilityTest, LeaseAndCheckpointAreNotGivenOnACancelledWait) {
  take_lease();
  grow_to(2);
  need_standby();
  LeaseOutcome lease;
  std::thread taker([&] { lease = writer_->take_lease({"a"}); });
  ASSERT_TRUE(somebody_waits());
  end_wait("pg_cancel_backend");
  taker.join();
  ASSERT_TRUE(std::holds_alternative<Error>(lease));
  EXPECT_EQ(std::get<Error>(lease).code, ErrorCode::unavailable) << std::get<Error>(lease).message;
  set_server("ALTER SYSTEM RESET synchronous_standby_names");
  take_lease();
  need_standby();
  Result<std::optional<StoredCheckpoint>> stored;
  std::thread storer([&] {
    stored = writer_->store_checkpoint(epoch_, {"vault.test/log", 2, state_.head.merkle_root, "note"},
                                       {"vault.test/log", "vkey", 0});
  });
  ASSERT_TRUE(somebody_waits());
  end_wait("pg_cancel_backend");
  storer.join();
  EXPECT_FALSE(stored);
}

TEST_F(DurabilityTest, SettingsChangedUnderARunningSessionDoNotReachIt) {
  run("CREATE TABLE seen (setting TEXT);"
      "CREATE FUNCTION note_setting() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
      "INSERT INTO seen VALUES (current_setting('synchronous_commit')); RETURN NULL; END $$;"
      "CREATE TRIGGER note AFTER INSERT ON vault_ledger FOR EACH STATEMENT EXECUTE FUNCTION note_setting();"
      "CREATE TRIGGER note AFTER INSERT ON vault_checkpoint FOR EACH STATEMENT EXECUTE FUNCTION note_setting()");
  take_lease();
  auto session = writer_->open_session();
  ASSERT_TRUE(session);
  EXPECT_EQ(append(**session, request_for(make_seal(1))).kind, AppendKind::committed);
  set_server("ALTER SYSTEM SET synchronous_commit = off");
  EXPECT_EQ(append(**session, request_for(make_seal(2))).kind, AppendKind::committed);
  EXPECT_TRUE(writer_->store_checkpoint(epoch_, {"vault.test/log", 2, state_.head.merkle_root, "note"},
                                        {"vault.test/log", "vkey", 0}));
  EXPECT_EQ(ask("SELECT string_agg(setting, ' ') FROM seen"), "on on on");
}

// As a pooler does that hands out a session which another client has used.
TEST_F(DurabilityTest, AppendWhoseCommitWouldNotBeDurableWritesNothing) {
  run("CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
      "PERFORM set_config(split_part(NEW.session_id, '=', 1), split_part(NEW.session_id, '=', 2), false) "
      "WHERE NEW.session_id LIKE '%=%'; RETURN NULL; END $$;"
      "CREATE TRIGGER spoil AFTER INSERT ON vault_ledger FOR EACH ROW EXECUTE FUNCTION spoil()");
  take_lease();
  for (const char* setting : {"synchronous_commit=off", "synchronous_commit=local", "synchronous_commit=remote_write",
                              "client_min_messages=error"}) {
    auto session = writer_->open_session();
    ASSERT_TRUE(session);
    Seal spoiling = make_seal(state_.head.sequence + 1);
    spoiling.session_id = setting;
    ASSERT_EQ(append(**session, request_for(spoiling)).kind, AppendKind::committed);
    const AppendRequest request = request_for(make_seal(state_.head.sequence + 1));
    EXPECT_EQ(append(**session, request).kind, AppendKind::not_durable) << setting;
    EXPECT_EQ(ask("SELECT count(*) FROM vault_ledger"), std::to_string(request.expected.sequence));
    EXPECT_EQ(append(*writer_, request).kind, AppendKind::committed);  // on a new session
  }
  EXPECT_EQ(verdict(), "valid");
}

TEST_F(DurabilityTest, FsyncSwitchedOffStopsEverythingThatPromisesUntilItIsOnAgain) {
  take_lease();
  auto session = writer_->open_session();
  ASSERT_TRUE(session);
  EXPECT_EQ(append(**session, request_for(make_seal(1))).kind, AppendKind::committed);
  set_server("ALTER SYSTEM SET fsync = off");
  const AppendRequest request = request_for(make_seal(2));
  EXPECT_EQ(append(**session, request).kind, AppendKind::not_durable);
  EXPECT_FALSE(writer_->store_checkpoint(epoch_, {"vault.test/log", 1, request.expected.merkle_root, "note"},
                                         {"vault.test/log", "vkey", 0}));
  EXPECT_EQ(writer_->resolve(request).kind, ResolveKind::unreachable);
  for (WriterStore* store : {writer_.get(), make_postgres_writer(options_).release()}) {
    const LeaseOutcome lease = store->take_lease({"a"});
    ASSERT_TRUE(std::holds_alternative<LeaseNotDurable>(lease));
    EXPECT_NE(std::get<LeaseNotDurable>(lease).detail.find("fsync"), std::string::npos);
    if (store != writer_.get()) delete store;
  }
  set_server("ALTER SYSTEM RESET fsync");
  EXPECT_EQ(append(**session, request).kind, AppendKind::committed);
  take_lease();
  EXPECT_EQ(state_.head.sequence, 2);
}

TEST_F(DurabilityTest, LeaseIsNotTakenWhereTheServerIsNotToBeWrittenTo) {
  run("ALTER TABLE vault_checkpoint SET UNLOGGED");
  LeaseOutcome lease = writer_->take_lease({"a"});
  ASSERT_TRUE(std::holds_alternative<LeaseNotDurable>(lease));
  EXPECT_NE(std::get<LeaseNotDurable>(lease).detail.find("vault_checkpoint is unlogged"), std::string::npos);
  run("ALTER TABLE vault_checkpoint SET LOGGED");
  run("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); "
      "END $$");
  writer_ = make_postgres_writer(options_);
  lease = writer_->take_lease({"a"});
  ASSERT_TRUE(std::holds_alternative<LeaseNotDurable>(lease));
  EXPECT_NE(std::get<LeaseNotDurable>(lease).detail.find("default_transaction_read_only"), std::string::npos);
}

// Harmful defaults of roles and databases are overruled.
TEST_F(DurabilityTest, DefaultsOfTheDatabaseDoNotReachAWriter) {
  const char* settings[] = {"search_path = nowhere",
                            "client_min_messages = error",
                            "synchronous_commit = local",
                            "row_security = on",
                            "default_transaction_isolation = serializable",
                            "default_transaction_deferrable = on",
                            "standard_conforming_strings = off",
                            "bytea_output = escape",
                            "datestyle = 'SQL, DMY'",
                            "timezone = 'Asia/Kathmandu'",
                            "intervalstyle = iso_8601",
                            "extra_float_digits = -15",
                            "client_encoding = latin1",
                            "plan_cache_mode = force_custom_plan",
                            "enable_indexscan = off",
                            "array_nulls = off",
                            "session_replication_role = replica",
                            "lock_timeout = 100",
                            "statement_timeout = 100"};
  for (const char* setting : settings) {
    run(fmt::format("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET {}', current_database()); END $$",
                    [](std::string text) {
                      for (std::size_t at = 0; (at = text.find('\'', at)) != std::string::npos; at += 2)
                        text.insert(at, 1, '\'');
                      return text;
                    }(setting)));
  }
  take_lease();
  grow_to(300);
  EXPECT_TRUE(writer_->store_checkpoint(epoch_, {"vault.test/log", 300, state_.head.merkle_root, "note"},
                                        {"vault.test/log", "vkey", 0}));
  EXPECT_TRUE(lease_store_->renew("a", epoch_));
  auto view = snapshot();
  EXPECT_EQ(view->entry_by_sequence(7).value()->timestamp, time_of(7));
}

// A promoted replica may have given the same number to another vaultd.
TEST_F(DurabilityTest, ResolveLeavesAnEpochAloneThatIsHeldByAnother) {
  take_lease();
  grow_to(2);
  const AppendRequest request = request_for(make_seal(3));
  run("UPDATE vault_lease SET holder = 'b'");
  EXPECT_EQ(writer_->resolve(request).kind, ResolveKind::fenced);
  EXPECT_EQ(ask("SELECT writer_epoch FROM vault_head"), std::to_string(epoch_));
}

}  // namespace
}  // namespace vault::test
