// Appends against a real server: the promise of each outcome.
#include <poll.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "store/postgres/connection.hpp"
#include "tests/integration/store_fixture.hpp"

namespace vault::test {
namespace {

class AppendTest : public StoreTest {
 protected:
  std::atomic<bool> locked_{false};
};

TEST_F(AppendTest, EntriesComeBackAsTheyWereSealed) {
  take_lease();
  std::vector<Seal> seals;
  for (int i = 1; i <= 5; ++i) seals.push_back(make_seal(i));
  const AppendRequest request = request_for(seals, time_of(1));
  const AppendOutcome outcome = append(*writer_, request);
  ASSERT_EQ(outcome.kind, AppendKind::committed) << outcome.detail;
  auto view = snapshot();
  for (const Entry& entry : request.batch.entries) {
    EXPECT_EQ(view->entry_by_sequence(entry.sequence).value(), entry);
    EXPECT_EQ(view->entry_by_seal_id(entry.seal_id).value(), entry);
  }
  EXPECT_EQ(view->entry_by_sequence(6).value(), std::nullopt);
  EXPECT_EQ(view->entry_by_sequence(0).value(), std::nullopt);
  EXPECT_EQ(view->head().value(), state_.head);
}

TEST_F(AppendTest, LargeBatchesAreSplitIntoStatementsAndStoredWhole) {
  take_lease();
  std::vector<Seal> seals;
  for (int i = 1; i <= 3000; ++i) {
    seals.push_back(make_seal(i));
    if (i % 500 == 0) seals.back().seal_data = "{\"large\":\"" + std::string(1'500'000, 'x') + "\"}";
  }
  const AppendOutcome outcome = append(*writer_, request_for(seals, time_of(1)));
  ASSERT_EQ(outcome.kind, AppendKind::committed) << outcome.detail;
  EXPECT_EQ(ask("SELECT count(*) FROM vault_tile"), "11");
  EXPECT_EQ(verdict(), "valid");
}

TEST_F(AppendTest, DuplicateSealIdIsRefusedAndNothingIsWritten) {
  take_lease();
  grow_to(10);
  Seal again = make_seal(99);
  again.seal_id = id_of(4);
  const AppendOutcome outcome = append(*writer_, request_for({make_seal(11), again}, time_of(11)));
  EXPECT_EQ(outcome.kind, AppendKind::duplicate) << outcome.detail;
  take_back();
  EXPECT_EQ(ask("SELECT count(*) FROM vault_ledger"), "10");
  grow_to(11);  // the connection can be used for the next batch
  EXPECT_EQ(verdict(), "valid");
}

TEST_F(AppendTest, ValueThatPostgresWillNotTakeIsRefused) {
  take_lease();
  Seal seal = make_seal(1);
  seal.seal_data = R"({"x":"\u0000"})";
  const AppendOutcome outcome = append(*writer_, request_for(seal));
  EXPECT_EQ(outcome.kind, AppendKind::refused) << outcome.detail;
  take_back();
  grow_to(3);
}

TEST_F(AppendTest, MovedHeadFencesTheWriter) {
  take_lease();
  grow_to(3);
  run("UPDATE vault_head SET writer_epoch = writer_epoch + 1");
  EXPECT_EQ(append(*writer_, request_for(make_seal(4))).kind, AppendKind::head_moved);
  run("UPDATE vault_head SET writer_epoch = writer_epoch - 1, head_hash = repeat('a', 64)");
  EXPECT_EQ(append(*writer_, request_for(make_seal(4))).kind, AppendKind::head_moved);
  run("DELETE FROM vault_head");
  EXPECT_EQ(append(*writer_, request_for(make_seal(4))).kind, AppendKind::head_moved);
  EXPECT_EQ(ask("SELECT max(sequence) FROM vault_ledger"), "3");
}

TEST_F(AppendTest, CommitsDurablyWhateverTheDatabaseDefaultsTo) {
  run("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$");
  run("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = serializable', "
      "current_database()); END $$");
  run("CREATE TABLE seen (setting TEXT, isolation TEXT, idle TEXT);"
      "CREATE FUNCTION note_setting() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
      "INSERT INTO seen VALUES (current_setting('synchronous_commit'), current_setting('transaction_isolation'), "
      "current_setting('idle_in_transaction_session_timeout'));"
      "RETURN NULL; END $$;"
      "CREATE TRIGGER note AFTER INSERT ON vault_ledger FOR EACH STATEMENT EXECUTE FUNCTION note_setting()");
  take_lease();
  grow_to(1);
  EXPECT_EQ(ask("SELECT setting || ' ' || isolation || ' ' || idle FROM seen"), "on read committed 1500ms");
}

TEST_F(AppendTest, UnreachableDatabaseIsFailedNotInDoubt) {
  options_.url = "host=/nowhere dbname=none password=geheim";
  auto nowhere = make_postgres_writer(options_);
  const AppendOutcome outcome = append(*nowhere, request_for(make_seal(1)));
  EXPECT_EQ(outcome.kind, AppendKind::failed);
  EXPECT_EQ(outcome.detail.find("geheim"), std::string::npos);
  options_.url = "postgresql://user:geheim@[bad";
  auto malformed = make_postgres_writer(options_);
  const LeaseOutcome lease = malformed->take_lease({"a"});
  ASSERT_TRUE(std::holds_alternative<Error>(lease));
  EXPECT_EQ(std::get<Error>(lease).message.find("geheim"), std::string::npos);
}

TEST_F(AppendTest, IdleSessionThatWasCutSaysSo) {
  take_lease();
  auto session = writer_->open_session();
  ASSERT_TRUE(session);
  EXPECT_EQ(append(**session, request_for(make_seal(1))).kind, AppendKind::committed);
  EXPECT_FALSE((*session)->lost());
  run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'vaultd writer'");
  while (!(*session)->lost()) {  // the server's last messages come first
    pollfd watched{(*session)->watch().descriptor, POLLIN, 0};
    ASSERT_EQ(poll(&watched, 1, 5000), 1);
    EXPECT_FALSE((*session)->outcome());
  }
  EXPECT_TRUE((*session)->lost());
  EXPECT_EQ((*session)->watch().descriptor, -1);
  EXPECT_EQ(append(**session, request_for(make_seal(2))).kind, AppendKind::failed);
  take_back();
  grow_to(4);  // the lease's own connection is reopened, and so is the next session
  EXPECT_EQ(verdict(), "valid");
}

TEST_F(AppendTest, SecondBatchFliesBehindTheFirst) {
  take_lease();
  auto session = writer_->open_session();
  ASSERT_TRUE(session);
  for (int i = 0; i < 20; ++i) {
    for (int twice = 0; twice < 2; ++twice) {
      (*session)->append(std::make_shared<const AppendRequest>(request_for(make_seal(state_.head.sequence + 1))));
    }
    EXPECT_EQ(wait_for_outcome(**session).kind, AppendKind::committed);
    EXPECT_EQ(wait_for_outcome(**session).kind, AppendKind::committed);
  }
  EXPECT_EQ(snapshot()->head().value().sequence, 40);
  EXPECT_EQ(verdict(), "valid");
}

TEST_F(AppendTest, WhatBuildsOnARefusedBatchFailsUnseen) {
  take_lease();
  grow_to(3);
  auto session = writer_->open_session();
  ASSERT_TRUE(session);
  const LedgerState before = state_;
  (*session)->append(std::make_shared<const AppendRequest>(request_for(make_seal(2))));  // a seal_id that is taken
  (*session)->append(std::make_shared<const AppendRequest>(request_for(make_seal(5))));
  EXPECT_EQ(wait_for_outcome(**session).kind, AppendKind::duplicate);
  EXPECT_EQ(wait_for_outcome(**session).kind, AppendKind::failed);
  EXPECT_FALSE((*session)->lost());  // and the session goes on
  state_ = before;
  EXPECT_EQ(append(**session, request_for(make_seal(4))).kind, AppendKind::committed);
  EXPECT_EQ(verdict(), "valid");
}

// Far more than a socket takes at once, and a server that does not read: the rest waits for the descriptor.
TEST_F(AppendTest, LargeBatchIsSentAsTheServerTakesIt) {
  take_lease();
  std::vector<Seal> seals;
  for (int i = 1; i <= 12; ++i) {
    seals.push_back(make_seal(i));
    seals.back().seal_data = "{\"x\":\"" + std::string(1'000'000, 'x') + "\"}";
  }
  auto session = writer_->open_session();
  ASSERT_TRUE(session);
  const pid_t backend =
      std::stoi(ask("SELECT pid FROM pg_stat_activity WHERE application_name = 'vaultd writer' "
                    "ORDER BY backend_start DESC LIMIT 1"));
  ASSERT_EQ(kill(backend, SIGSTOP), 0);
  (*session)->append(std::make_shared<const AppendRequest>(request_for(seals, time_of(1))));
  EXPECT_TRUE((*session)->watch().write);
  EXPECT_FALSE((*session)->outcome());
  ASSERT_EQ(kill(backend, SIGCONT), 0);
  EXPECT_EQ(wait_for_outcome(**session).kind, AppendKind::committed);
  EXPECT_FALSE((*session)->watch().write);
  EXPECT_EQ(snapshot()->head().value().sequence, 12);
}

TEST_F(AppendTest, SilentServerIsGivenUpInDoubt) {
  take_lease();
  auto holder = PgConnection::open({url_, "holder"}, "BEGIN; SELECT FROM vault_head FOR UPDATE", {});
  ASSERT_TRUE(holder);
  auto session = writer_->open_session();
  ASSERT_TRUE(session);
  (*session)->append(std::make_shared<const AppendRequest>(request_for(make_seal(1))));
  EXPECT_FALSE((*session)->outcome());
  (*session)->give_up();
  EXPECT_EQ(wait_for_outcome(**session).kind, AppendKind::in_doubt);
  EXPECT_TRUE((*session)->lost());
}

// The backend is killed while the append waits for the head's lock, so the commit cannot have run. But an intermediary
// might be reporting another server's end, so the outcome is checked.
TEST_F(AppendTest, BackendKilledBeforeCommitIsInDoubtAndResolved) {
  take_lease();
  grow_to(2);
  std::thread killer([this] {
    auto holder = PgConnection::open({url_, "holder"}, "BEGIN; SELECT FROM vault_head FOR UPDATE", {});
    ASSERT_TRUE(holder);
    locked_ = true;
    for (int i = 0; i < 200 && ask("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'vaultd writer' AND "
                                   "wait_event_type = 'Lock'") != "1";
         ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'vaultd writer'");
  });
  while (!locked_) std::this_thread::yield();
  const AppendRequest request = request_for(make_seal(3));
  const AppendOutcome outcome = append(*writer_, request);
  killer.join();
  EXPECT_EQ(outcome.kind, AppendKind::in_doubt) << outcome.detail;
  EXPECT_EQ(writer_->resolve(request).kind, ResolveKind::not_committed);
}

TEST_F(AppendTest, HeadLockedForTooLongIsFailed) {
  options_.lease_timeout = std::chrono::milliseconds(200);
  writer_ = make_postgres_writer(options_);
  take_lease();
  auto holder = PgConnection::open({url_, "holder"}, "BEGIN; SELECT FROM vault_head FOR UPDATE", {});
  ASSERT_TRUE(holder);
  const AppendRequest request = request_for(make_seal(1));
  EXPECT_EQ(append(*writer_, request).kind, AppendKind::failed);
  holder->reset();
  EXPECT_EQ(append(*writer_, request).kind, AppendKind::committed);
}

// A deferred trigger runs inside COMMIT: it ends its own backend there, so the client cannot know the outcome.
TEST_F(AppendTest, BackendKilledInCommitIsInDoubtAndResolved) {
  take_lease();
  grow_to(2);
  run("CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
      "PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(1); RETURN NULL; END $$;"
      "CREATE CONSTRAINT TRIGGER die AFTER UPDATE ON vault_head DEFERRABLE INITIALLY DEFERRED "
      "FOR EACH ROW WHEN (NEW.head_sequence <> OLD.head_sequence) EXECUTE FUNCTION die()");
  const AppendRequest request = request_for(make_seal(3));
  const AppendOutcome outcome = append(*writer_, request);
  EXPECT_EQ(outcome.kind, AppendKind::in_doubt) << outcome.detail;
  run("DROP TRIGGER die ON vault_head");
  const ResolveOutcome resolved = writer_->resolve(request);
  ASSERT_EQ(resolved.kind, ResolveKind::not_committed) << resolved.detail;
  EXPECT_EQ(resolved.epoch, epoch_ + 1);
  EXPECT_EQ(ask("SELECT epoch FROM vault_lease"), std::to_string(resolved.epoch));
  // The old epoch is fenced off for good; the new one goes on.
  EXPECT_EQ(append(*writer_, request).kind, AppendKind::head_moved);
  AppendRequest again = request;
  again.epoch = resolved.epoch;
  EXPECT_EQ(append(*writer_, again).kind, AppendKind::committed);
}

TEST_F(AppendTest, ResolveFindsWhatWasCommitted) {
  take_lease();
  grow_to(2);
  const AppendRequest request = request_for(make_seal(3));
  ASSERT_EQ(append(*writer_, request).kind, AppendKind::committed);
  const ResolveOutcome resolved = writer_->resolve(request);
  EXPECT_EQ(resolved.kind, ResolveKind::committed);
  EXPECT_EQ(resolved.epoch, epoch_ + 1);
}

TEST_F(AppendTest, ResolveNeverFencesAnotherWriter) {
  take_lease();
  grow_to(2);
  const AppendRequest request = request_for(make_seal(3));
  run("UPDATE vault_lease SET holder = '', renewed_at = '-infinity'");  // given up
  auto other = make_postgres_writer(options_);
  const LeaseOutcome taken = other->take_lease({"b"});
  ASSERT_TRUE(std::holds_alternative<LeaseGrant>(taken));
  EXPECT_EQ(writer_->resolve(request).kind, ResolveKind::fenced);
  AppendRequest others = request;
  others.epoch = std::get<LeaseGrant>(taken).epoch;
  EXPECT_EQ(append(*other, others).kind, AppendKind::committed);
  EXPECT_EQ(writer_->resolve(request).kind, ResolveKind::fenced);
}

// The lost transaction still holds the head's lock: resolve() waits for its end instead of reading the old head.
TEST_F(AppendTest, ResolveWaitsForTheLostTransaction) {
  take_lease();
  grow_to(2);
  const AppendRequest request = request_for(make_seal(3));
  auto lost = PgConnection::open(
      {url_, "lost"},
      fmt::format("BEGIN; UPDATE vault_head SET head_sequence = {}, head_hash = '{}', merkle_root = '{}'",
                  request.next.sequence, to_hex(request.next.entry_hash), to_hex(request.next.merkle_root)),
      {});
  ASSERT_TRUE(lost);
  std::thread committer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    ASSERT_TRUE((*lost)->script("COMMIT"));
  });
  const ResolveOutcome resolved = writer_->resolve(request);
  committer.join();
  EXPECT_EQ(resolved.kind, ResolveKind::committed) << resolved.detail;
}

TEST_F(AppendTest, ResolveWithoutDatabaseIsUnreachable) {
  take_lease();
  const AppendRequest request = request_for(make_seal(1));
  PrivatePostgres::instance().crash();
  const AppendOutcome outcome = append(*writer_, request);
  EXPECT_EQ(outcome.kind, AppendKind::failed) << outcome.detail;
  EXPECT_EQ(writer_->resolve(request).kind, ResolveKind::unreachable);
  PrivatePostgres::instance().start();
  const ResolveOutcome resolved = writer_->resolve(request);
  EXPECT_EQ(resolved.kind, ResolveKind::not_committed) << resolved.detail;
}

TEST_F(AppendTest, FindSealsAnswersInTheOrderAsked) {
  take_lease();
  grow_to(20);
  const std::vector<Uuid> ids{id_of(7), id_of(99), id_of(3), id_of(7)};
  auto found = writer_->find_seals(ids);
  ASSERT_TRUE(found) << found.error().message;
  ASSERT_EQ(found->size(), 4U);
  EXPECT_EQ(found->at(0).value()->entry.sequence, 7);
  EXPECT_EQ(found->at(1).value(), std::nullopt);
  EXPECT_EQ(found->at(2).value()->entry.sequence, 3);
  EXPECT_EQ(found->at(3).value()->entry.sequence, 7);
  EXPECT_FALSE(found->at(0).value()->entry.seal_data);
  EXPECT_EQ(match_seal(*found->at(0).value(), make_seal(7)), SealMatch::same);
  EXPECT_EQ(match_seal(*found->at(2).value(), make_seal(7)), SealMatch::other);
  EXPECT_TRUE(writer_->find_seals({}).value().empty());
}

// Alone and together with others, since those are different statements. The store keeps them; no verification accepts
// them.
TEST_F(AppendTest, EntriesWithoutPayloadCanBeStored) {
  take_lease();
  for (const std::vector<Seal>& seals : {std::vector{make_seal(1)}, {make_seal(2), make_seal(3)}}) {
    AppendRequest request = request_for(seals, time_of(1));
    Entry& erased = request.batch.entries[0];
    erased.seal_data.reset();
    erased.data_salt.reset();
    const AppendOutcome outcome = append(*writer_, request);
    ASSERT_EQ(outcome.kind, AppendKind::committed) << outcome.detail;
    EXPECT_EQ(snapshot()->entry_by_sequence(erased.sequence).value(), erased);
  }
  EXPECT_EQ(verdict(), "erasure_unexplained@1");
}

TEST_F(AppendTest, OneEntryComesBackAsItWasSealed) {
  take_lease();
  const AppendRequest request = request_for(make_seal(1));
  const AppendOutcome outcome = append(*writer_, request);
  ASSERT_EQ(outcome.kind, AppendKind::committed) << outcome.detail;
  EXPECT_EQ(snapshot()->entry_by_sequence(1).value(), request.batch.entries[0]);
  EXPECT_EQ(verdict(), "valid");
}

}  // namespace
}  // namespace vault::test
