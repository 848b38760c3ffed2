// A vaultd that takes over writes the lease before reading anything, so a checkpoint that the former writer is storing
// is either among what it reads, or is refused. Real calls on both sides, held half-way by locks.
#include <filesystem>
#include <thread>

#include "ledger/checkpoint.hpp"
#include "store/archive/files.hpp"
#include "store/archive/write.hpp"
#include "store/postgres/connection.hpp"
#include "tests/integration/store_fixture.hpp"
#include "tools/vaultctl/restore_archive.hpp"

namespace vault::test {
namespace {

class FenceTest : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    PostgresOptions options = options_;
    options.application_name = "taker";
    taker_ = make_postgres_writer(options);
  }

  void TearDown() override { std::filesystem::remove_all(directory_); }

  // A separate transaction that runs `sql` and stays open: others wait for its locks.
  std::unique_ptr<PgConnection> hold(const std::string& url, const std::string& sql) {
    auto holder = PgConnection::open({url, "holder"}, "BEGIN; " + sql, {});
    if (!holder) throw std::runtime_error(holder.error().message);
    return *std::move(holder);
  }

  // While this is held, whoever inserts into `table` stops there, half-way through a transaction.
  std::unique_ptr<PgConnection> hold_inserts(const std::string& url, const std::string& table) {
    PrivatePostgres::instance().run(url,
                                    "CREATE FUNCTION stop_here() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                                    "PERFORM pg_advisory_xact_lock_shared(1); RETURN NULL; END $$;"
                                    "CREATE TRIGGER stop_here AFTER INSERT ON " +
                                        table + " FOR EACH STATEMENT EXECUTE FUNCTION stop_here()");
    return hold(url, "SELECT pg_advisory_xact_lock(1)");
  }

  // True once a session of this name waits for a lock of this kind.
  static bool waits(const std::string& url, const std::string& application, const std::string& kind) {
    const std::string question = fmt::format(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = '{}' AND "
        "wait_event_type = 'Lock' AND wait_event = '{}'",
        application, kind);
    for (int i = 0; i < 200; ++i) {
      if (PrivatePostgres::instance().ask(url, question) == "1") return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }

  void expire_lease() { run("UPDATE vault_lease SET holder = '', renewed_at = '-infinity'"); }

  Status store_checkpoint(const SigningKey& key) {
    const Checkpoint checkpoint{key.name(), state_.head.sequence, state_.head.merkle_root};
    const auto kept = writer_->store_checkpoint(epoch_, {checkpoint, sign_checkpoint(checkpoint, key)},
                                                {key.name(), key.verifier().format(), 0});
    return kept ? Status{} : Status(tl::unexpected(kept.error()));
  }

  // This ledger as an archive; what follows happens in another, empty database, whose writer is writer_.
  void archive_and_move_on(const SigningKey& key) {
    take_lease();
    grow_to(300);
    ASSERT_TRUE(store_checkpoint(key));
    directory_ = std::filesystem::temp_directory_path() / fmt::format("vault-fence-{}", getpid());
    const auto source = make_store_archive_source(*reader_);
    const auto written = write_archive(*source, {directory_, true, {}}, [](std::uint64_t, std::uint64_t) {});
    ASSERT_TRUE(written) << written.error().message;
    StoreTest::SetUp();
    take_lease();
    ASSERT_EQ(state_.head.sequence, 0);
  }

  tl::expected<RestoreResult, RestoreFailure> restore(const SigningKey& key) {
    const auto directory = ArchiveDirectory::open(directory_);
    if (!directory) return tl::unexpected(directory.error());
    return restore_archive(*directory, key.verifier(), url_, [](std::string_view, std::uint64_t, std::uint64_t) {});
  }

  std::unique_ptr<WriterStore> taker_;
  std::string directory_;
};

TEST_F(FenceTest, CheckpointThatIsBeingStoredIsAwaitedAndSeenByTheTaker) {
  take_lease();
  grow_to(5);
  expire_lease();
  const auto key = SigningKey::generate("vault.test/log").value();
  const auto stop = hold_inserts(url_, "vault_checkpoint");
  Status stored;
  std::thread former([&] { stored = store_checkpoint(key); });
  EXPECT_TRUE(waits(url_, "vaultd coordinator", "advisory"));
  LeaseOutcome taken;
  std::thread taker([&] { taken = taker_->take_lease({"b"}); });
  EXPECT_TRUE(waits(url_, "taker coordinator", "transactionid"));
  EXPECT_TRUE(stop->script("ROLLBACK"));
  former.join();
  taker.join();
  EXPECT_TRUE(stored) << stored.error().message;
  ASSERT_TRUE(std::holds_alternative<LeaseGrant>(taken));
  const auto& grant = std::get<LeaseGrant>(taken);
  ASSERT_TRUE(grant.promises.newest);
  EXPECT_EQ(grant.promises.newest->tree_size, 5);
  ASSERT_EQ(grant.promises.identities.size(), 1U);
  EXPECT_EQ(grant.promises.identities[0].vkey, key.verifier().format());
}

TEST_F(FenceTest, CheckpointStoredWhileAnotherTakesOverIsRefused) {
  take_lease();
  grow_to(5);
  // Connected, with its statements prepared, before the last table that it reads is locked.
  ASSERT_TRUE(std::holds_alternative<LeaseHeld>(taker_->take_lease({"b"})));
  expire_lease();
  const auto stop = hold(url_, "LOCK TABLE vault_meta IN ACCESS EXCLUSIVE MODE");
  LeaseOutcome taken;
  std::thread taker([&] { taken = taker_->take_lease({"b"}); });
  EXPECT_TRUE(waits(url_, "taker coordinator", "relation"));
  Status stored;
  std::thread former([&] { stored = store_checkpoint(SigningKey::generate("vault.test/log").value()); });
  EXPECT_TRUE(waits(url_, "vaultd coordinator", "transactionid"));
  EXPECT_TRUE(stop->script("ROLLBACK"));
  taker.join();
  former.join();
  ASSERT_TRUE(std::holds_alternative<LeaseGrant>(taken));
  EXPECT_FALSE(std::get<LeaseGrant>(taken).promises.newest);
  ASSERT_FALSE(stored);
  EXPECT_EQ(stored.error().code, ErrorCode::forbidden) << stored.error().message;
  EXPECT_EQ(ask("SELECT count(*) FROM vault_checkpoint"), "0");
  EXPECT_EQ(ask("SELECT count(*) FROM vault_origin"), "0");
}

// A vaultd on the empty database is just giving the archive's name another key.
TEST_F(FenceTest, CheckpointThatIsBeingStoredIsAwaitedAndSeenByRestoring) {
  const auto key = SigningKey::generate("vault.test/log").value();
  archive_and_move_on(key);
  const auto stop = hold_inserts(url_, "vault_checkpoint");
  Status stored;
  std::thread former([&] { stored = store_checkpoint(SigningKey::generate("vault.test/log").value()); });
  EXPECT_TRUE(waits(url_, "vaultd coordinator", "advisory"));
  std::optional<tl::expected<RestoreResult, RestoreFailure>> restored;
  std::thread taker([&] { restored = restore(key); });
  EXPECT_TRUE(waits(url_, "vaultctl restore", "transactionid"));
  EXPECT_TRUE(stop->script("ROLLBACK"));
  former.join();
  taker.join();
  EXPECT_TRUE(stored) << stored.error().message;
  ASSERT_FALSE(*restored);
  EXPECT_EQ(restored->error().error.message, "the database belongs to another log of the name vault.test/log");
  EXPECT_EQ(ask("SELECT count(*) FROM vault_ledger"), "0");
  EXPECT_TRUE(lease_store_->renew("a", epoch_));  // and its writer goes on
}

// Otherwise it would become an identity that follows the archive's.
TEST_F(FenceTest, CheckpointStoredDuringARestoreIsRefused) {
  const auto key = SigningKey::generate("vault.test/log").value();
  archive_and_move_on(key);
  const auto stop = hold_inserts(url_, "vault_ledger");
  std::optional<tl::expected<RestoreResult, RestoreFailure>> restored;
  std::thread taker([&] { restored = restore(key); });
  EXPECT_TRUE(waits(url_, "vaultctl restore", "advisory"));
  Status stored;
  std::thread former([&] { stored = store_checkpoint(SigningKey::generate("vault.test/empty").value()); });
  EXPECT_TRUE(waits(url_, "vaultd coordinator", "transactionid"));
  EXPECT_TRUE(stop->script("ROLLBACK"));
  taker.join();
  former.join();
  ASSERT_TRUE(*restored) << restored->error().error.message;
  ASSERT_FALSE(stored);
  EXPECT_EQ(stored.error().code, ErrorCode::forbidden) << stored.error().message;
  EXPECT_EQ(ask("SELECT string_agg(origin, ' ') FROM vault_origin"), "vault.test/log");
  EXPECT_EQ(verdict(), "valid");
}

}  // namespace
}  // namespace vault::test
