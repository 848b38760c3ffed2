// The lease, the contents of a grant, and checkpoints as the writer stores them.
#include <atomic>
#include <thread>

#include "ledger/checkpoint.hpp"
#include "store/postgres/connection.hpp"
#include "tests/integration/store_fixture.hpp"

namespace vault::test {
namespace {

class LeaseTest : public StoreTest {
 protected:
  LeaseOutcome take(WriterStore& store, const std::string& instance) {
    return store.take_lease({instance, std::chrono::milliseconds(3000)});
  }
  // Like a standby that sees the lease for the first time, and a second time when it has stood still for half its
  // timeout.
  void watch(WriterStore& store, const std::string& instance) {
    EXPECT_TRUE(std::holds_alternative<LeaseHeld>(take(store, instance)));
    std::this_thread::sleep_for(std::chrono::milliseconds(1'600));
  }
  static std::string message_of(const LeaseOutcome& outcome) {
    const auto* error = std::get_if<Error>(&outcome);
    return error == nullptr ? "" : error->message;
  }
  StoredCheckpoint checkpoint_of(const SigningKey& key, std::int64_t size, const Hash& root) {
    const Checkpoint checkpoint{key.name(), size, root};
    return {checkpoint, sign_checkpoint(checkpoint, key)};
  }
  // Waits until this many of this database's sessions wait for a lock. False after 2 s.
  bool wait_for_waiting(int sessions) {
    for (int i = 0; i < 200; ++i) {
      const std::string waiting =
          ask("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'");
      if (waiting == std::to_string(sessions)) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }
};

TEST_F(LeaseTest, FreeLeaseIsGrantedWithTheLedgersState) {
  take_lease();
  EXPECT_EQ(state_, LedgerState{});
  grow_to(700);
  const LeaseOutcome again = take(*writer_, "a");
  ASSERT_TRUE(std::holds_alternative<LeaseGrant>(again)) << message_of(again);
  const auto& grant = std::get<LeaseGrant>(again);
  EXPECT_EQ(grant.state, state_);
  EXPECT_EQ(grant.epoch, epoch_ + 1);
  EXPECT_EQ(grant.ledger_id, ask("SELECT ledger_id FROM vault_meta"));
  EXPECT_GT(grant.database_now.micros, time_of(0).micros);
  EXPECT_FALSE(grant.promises.newest);
  EXPECT_FALSE(grant.taken_from);
  EXPECT_EQ(grant.silent_for.count(), 0);
  EXPECT_EQ(ask("SELECT holder || ' ' || epoch FROM vault_lease"), fmt::format("a {}", grant.epoch));
}

TEST_F(LeaseTest, FreshLeaseOfAnotherIsHeldAndTheEpochStays) {
  take_lease("a");
  grow_to(3);
  auto standby = make_postgres_writer(options_);
  const LeaseOutcome outcome = take(*standby, "b");
  ASSERT_TRUE(std::holds_alternative<LeaseHeld>(outcome)) << message_of(outcome);
  const auto& held = std::get<LeaseHeld>(outcome);
  EXPECT_EQ(held.holder, "a");
  EXPECT_EQ(held.epoch, epoch_);
  EXPECT_EQ(held.head.sequence, 3);
  EXPECT_EQ(held.head.entry_hash, state_.head.entry_hash);
  EXPECT_EQ(held.head.merkle_root, state_.head.merkle_root) << "a standby compares it with what it has signed or seen";
  EXPECT_EQ(ask("SELECT writer_epoch FROM vault_head"), std::to_string(epoch_));
  EXPECT_TRUE(lease_store_->renew("a", epoch_));
}

TEST_F(LeaseTest, ExpiredLeaseIsTakenAndTheFormerWriterFenced) {
  take_lease("a");
  grow_to(3);
  const AppendRequest late = request_for(make_seal(4));
  run("UPDATE vault_lease SET renewed_at = clock_timestamp() - interval '3.1 s'");
  auto standby = make_postgres_writer(options_);
  watch(*standby, "b");
  const LeaseOutcome outcome = take(*standby, "b");
  ASSERT_TRUE(std::holds_alternative<LeaseGrant>(outcome)) << message_of(outcome);
  EXPECT_TRUE(std::get<LeaseGrant>(outcome).taken_from);
  EXPECT_GE(std::get<LeaseGrant>(outcome).silent_for, std::chrono::milliseconds(3'100));
  EXPECT_LT(std::get<LeaseGrant>(outcome).silent_for, std::chrono::minutes(10));
  EXPECT_EQ(append(*writer_, late).kind, AppendKind::head_moved);
  auto renewed = lease_store_->renew("a", epoch_);
  ASSERT_FALSE(renewed);
  EXPECT_EQ(renewed.error().code, ErrorCode::forbidden);
  EXPECT_TRUE(lease_store_->renew("b", std::get<LeaseGrant>(outcome).epoch));
}

TEST_F(LeaseTest, ReleasedLeaseIsFreeAtOnce) {
  take_lease("a");
  writer_->release_lease("a", epoch_ - 1);
  auto standby = make_postgres_writer(options_);
  EXPECT_TRUE(std::holds_alternative<LeaseHeld>(take(*standby, "b")));
  writer_->release_lease("a", epoch_);
  EXPECT_TRUE(std::holds_alternative<LeaseGrant>(take(*standby, "b")));
}

// The connection may have been closed because it was idle.
TEST_F(LeaseTest, LeaseIsReleasedAfterARestToo) {
  take_lease("a");
  writer_->rest();
  writer_->release_lease("a", epoch_);
  auto standby = make_postgres_writer(options_);
  EXPECT_TRUE(std::holds_alternative<LeaseGrant>(take(*standby, "b")));
}

TEST_F(LeaseTest, ManyTakersGetOneGrant) {
  std::atomic<int> granted{0};
  std::atomic<int> held{0};
  std::vector<std::thread> takers;
  for (int i = 0; i < 8; ++i) {
    takers.emplace_back([&, i] {
      auto store = make_postgres_writer(options_);
      const LeaseOutcome outcome = take(*store, fmt::format("taker-{}", i));
      if (std::holds_alternative<LeaseGrant>(outcome)) ++granted;
      if (std::holds_alternative<LeaseHeld>(outcome)) ++held;
    });
  }
  for (auto& taker : takers) taker.join();
  EXPECT_EQ(granted, 1);
  EXPECT_EQ(held, 7);
  EXPECT_EQ(ask("SELECT writer_epoch FROM vault_head"), "1");
}

// Ten writers that all believe they are the only one: exactly one batch per head is accepted, and there is no fork.
TEST_F(LeaseTest, ConcurrentWritersNeverFork) {
  take_lease();
  std::atomic<int> committed{0};
  std::vector<std::thread> writers;
  for (int w = 0; w < 10; ++w) {
    writers.emplace_back([&, w] {
      auto store = make_postgres_writer(options_);
      LedgerState state;
      for (int round = 0; round < 10; ++round) {
        Seal seal = make_seal(1000 * w + round);
        const SealInput input{&seal, Salt{}};
        AppendRequest request;
        request.epoch = epoch_;
        LedgerState next = state;
        request.expected = state.head;
        request.batch = sequence_seals(next, {&input, 1}, time_of(1));
        request.next = next.head;
        const AppendOutcome outcome = append(*store, request);
        if (outcome.kind == AppendKind::committed) {
          ++committed;
          state = next;
        } else {
          EXPECT_EQ(outcome.kind, AppendKind::head_moved) << outcome.detail;
        }
      }
    });
  }
  for (auto& writer : writers) writer.join();
  EXPECT_EQ(committed, 10);  // whichever was first continued; all others are fenced
  EXPECT_EQ(ask("SELECT head_sequence FROM vault_head"), "10");
  EXPECT_EQ(verdict(), "valid");
}

TEST_F(LeaseTest, DamageIsNamedAndTheEpochStays) {
  take_lease();
  grow_to(300);
  const std::string epoch = ask("SELECT writer_epoch FROM vault_head");
  const auto refused = [&](const std::string& sql, const std::string& undo) {
    tamper(sql);
    const LeaseOutcome outcome = take(*writer_, "a");
    tamper(undo);
    const auto* error = std::get_if<Error>(&outcome);
    if (error == nullptr) return std::string("granted");
    EXPECT_EQ(error->code, ErrorCode::internal);
    return error->message;
  };
  EXPECT_NE(refused("UPDATE vault_head SET head_sequence = 299", "UPDATE vault_head SET head_sequence = 300")
                .find("vault_head is at sequence 299"),
            std::string::npos);
  EXPECT_NE(refused("UPDATE vault_head SET merkle_root = repeat('a', 64)",
                    "UPDATE vault_head SET merkle_root = (SELECT merkle_root FROM vault_ledger WHERE sequence = 300)")
                .find("merkle_root in vault_head"),
            std::string::npos);
  EXPECT_NE(refused("UPDATE vault_head SET head_hash = 'zz'",
                    "UPDATE vault_head SET head_hash = (SELECT entry_hash FROM vault_ledger WHERE sequence = 300)")
                .find("head_hash in vault_head"),
            std::string::npos);
  EXPECT_NE(refused("UPDATE vault_tile SET root = set_byte(root, 0, get_byte(root, 0) # 1)",
                    "UPDATE vault_tile SET root = set_byte(root, 0, get_byte(root, 0) # 1)")
                .find("another root than vault_head"),
            std::string::npos);
  EXPECT_NE(refused("UPDATE vault_ledger SET timestamp = timestamp + interval '1 day' WHERE sequence = 300",
                    "UPDATE vault_ledger SET timestamp = timestamp - interval '1 day' WHERE sequence = 300")
                .find("entry 300 does not have the hash"),
            std::string::npos);
  EXPECT_EQ(ask("SELECT writer_epoch FROM vault_head"), epoch);
  EXPECT_TRUE(std::holds_alternative<LeaseGrant>(take(*writer_, "a")));
}

// A page that PostgreSQL cannot read is no finding about the stored data. First the block of an entry at the tree's
// edge, then that of the head's entry.
TEST_F(LeaseTest, DamagedPageIsUnreadableAndNoDamageToTheLedger) {
  take_lease();
  grow_to(300);
  run("VACUUM vault_ledger");
  const std::string epoch = ask("SELECT writer_epoch FROM vault_head");
  for (const int sequence : {260, 300}) {
    const long block = std::stol(
        ask(fmt::format("SELECT (ctid::text::point)[0]::int FROM vault_ledger WHERE sequence = {}", sequence)));
    PrivatePostgres::instance().flip_bits(url_, "vault_ledger", block);
    const LeaseOutcome outcome = take(*writer_, "a");
    ASSERT_TRUE(std::holds_alternative<LeaseUnreadable>(outcome)) << message_of(outcome);
    const std::string& detail = std::get<LeaseUnreadable>(outcome).detail;
    EXPECT_NE(detail.find(fmt::format("SQLSTATE XX001: invalid page in block {} of", block)), std::string::npos)
        << detail;
    EXPECT_EQ(ask("SELECT writer_epoch FROM vault_head"), epoch);
    PrivatePostgres::instance().flip_bits(url_, "vault_ledger", block);
  }
  const LeaseOutcome outcome = take(*writer_, "a");
  ASSERT_TRUE(std::holds_alternative<LeaseGrant>(outcome)) << message_of(outcome);
  EXPECT_EQ(std::get<LeaseGrant>(outcome).state, state_);
}

TEST_F(LeaseTest, MissingRightIsUnreadableToo) {
  run("DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'stranger') THEN CREATE ROLE stranger LOGIN; "
      "END IF; END $$");
  PostgresOptions options = options_;
  options.url += " user=stranger";
  auto stranger = make_postgres_writer(options);
  const LeaseOutcome outcome = take(*stranger, "a");
  ASSERT_TRUE(std::holds_alternative<LeaseUnreadable>(outcome)) << message_of(outcome);
  EXPECT_NE(std::get<LeaseUnreadable>(outcome).detail.find("permission denied"), std::string::npos);
}

// A writer that is stopped in a transaction holds the head's lock; the server ends its session before the lease
// expires.
TEST_F(LeaseTest, StoppedWriterDoesNotHoldTheHead) {
  take_lease("a");
  EXPECT_EQ(ask("SELECT 1 WHERE EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'vaultd coordinator')"),
            "1");
  run("UPDATE vault_lease SET renewed_at = '-infinity'");
  auto standby = make_postgres_writer(options_);
  watch(*standby, "b");
  const PgConnectOptions raw{url_, "stopped"};
  auto stopped = PgConnection::open(raw,
                                    "SET idle_in_transaction_session_timeout = 1500; BEGIN; "
                                    "SELECT FROM vault_head FOR UPDATE",
                                    {});
  ASSERT_TRUE(stopped);
  EXPECT_TRUE(std::holds_alternative<LeaseGrant>(take(*standby, "b")));
}

TEST_F(LeaseTest, CheckpointsAreKeptOnceWithTheirIdentity) {
  take_lease();
  grow_to(5);
  const auto key = SigningKey::generate("vault.test/one").value();
  const LogIdentity identity{key.name(), key.verifier().format(), 0};
  const StoredCheckpoint first = checkpoint_of(key, 5, state_.head.merkle_root);
  EXPECT_TRUE(writer_->store_checkpoint(epoch_, first, identity));
  EXPECT_TRUE(writer_->store_checkpoint(epoch_, first, identity));
  grow_to(6);
  const StoredCheckpoint second = checkpoint_of(key, 6, state_.head.merkle_root);
  EXPECT_TRUE(writer_->store_checkpoint(epoch_, second, identity));
  EXPECT_EQ(ask("SELECT count(*) FROM vault_checkpoint"), "2");

  auto conflicting = writer_->store_checkpoint(epoch_, checkpoint_of(key, 5, zero_hash), identity);
  ASSERT_TRUE(conflicting && *conflicting);
  EXPECT_EQ((*conflicting)->note, first.note) << "what stands in its place";
  auto fenced = writer_->store_checkpoint(epoch_ + 1, second, identity);
  ASSERT_FALSE(fenced);
  EXPECT_EQ(fenced.error().code, ErrorCode::forbidden);
  const auto thief = SigningKey::generate("vault.test/one").value();
  auto stolen = writer_->store_checkpoint(epoch_, second, {thief.name(), thief.verifier().format(), 0});
  ASSERT_FALSE(stolen);
  EXPECT_EQ(stolen.error().code, ErrorCode::invalid_argument);

  const auto next = SigningKey::generate("vault.test/two").value();
  const LogIdentity successor{next.name(), next.verifier().format(), 6};
  ASSERT_EQ(append(*writer_, request_for(announcement_of(successor.origin))).kind, AppendKind::committed);
  EXPECT_TRUE(writer_->store_checkpoint(epoch_, checkpoint_of(next, 7, state_.head.merkle_root), successor));
  EXPECT_FALSE(writer_->store_checkpoint(epoch_, second, identity));  // given up for good

  const LeaseOutcome again = take(*writer_, "a");
  const auto& grant = std::get<LeaseGrant>(again);
  ASSERT_TRUE(grant.promises.newest);
  EXPECT_EQ(grant.promises.newest->origin, "vault.test/two");
  ASSERT_EQ(grant.promises.identities.size(), 2U);
  EXPECT_EQ(grant.promises.identities[0].vkey, identity.vkey);
  EXPECT_EQ(grant.promises.identities[1].accepted_sequence, 6);

  auto view = snapshot();
  EXPECT_EQ(view->newest_checkpoint().value()->note, grant.promises.newest->note);
  EXPECT_EQ(view->checkpoints(0, 5, 10).value().size(), 1U);
  EXPECT_EQ(view->checkpoints(6, 7, 10).value().size(), 2U);
  EXPECT_EQ(view->checkpoints(0, 6, 1).value().size(), 1U);
  EXPECT_EQ(view->identities().value().size(), 2U);
  EXPECT_EQ(view->ledger_id().value(), grant.ledger_id);
}

// A vaultd that takes over waits for a checkpoint that the former writer is storing, and then knows it; later ones are
// refused.
TEST_F(LeaseTest, TakeoverKnowsTheCheckpointThatItOverlaps) {
  take_lease("a");
  grow_to(5);
  const auto key = SigningKey::generate("vault.test/one").value();
  const LogIdentity identity{key.name(), key.verifier().format(), 0};
  EXPECT_TRUE(writer_->store_checkpoint(epoch_, checkpoint_of(key, 5, state_.head.merkle_root), identity));
  grow_to(6);
  const StoredCheckpoint second = checkpoint_of(key, 6, state_.head.merkle_root);
  grow_to(7);
  const StoredCheckpoint late = checkpoint_of(key, 7, state_.head.merkle_root);
  // Connected before: preparing its statements would wait for the obstacle too.
  auto standby = make_postgres_writer(options_);
  ASSERT_TRUE(std::holds_alternative<LeaseHeld>(take(*standby, "b")));
  run("UPDATE vault_lease SET holder = '', renewed_at = '-infinity'");

  const PgConnectOptions raw{url_, "obstacle"};
  auto obstacle = PgConnection::open(raw, "BEGIN; LOCK TABLE vault_checkpoint IN SHARE MODE", {});
  ASSERT_TRUE(obstacle);
  Result<std::optional<StoredCheckpoint>> stored;
  std::thread former([&] { stored = writer_->store_checkpoint(epoch_, second, identity); });
  EXPECT_TRUE(wait_for_waiting(1));
  LeaseOutcome outcome;
  std::thread taker([&] { outcome = take(*standby, "b"); });
  EXPECT_TRUE(wait_for_waiting(2)) << "the takeover does not wait for the checkpoint";
  obstacle->reset();
  former.join();
  taker.join();

  EXPECT_TRUE(stored);
  ASSERT_TRUE(std::holds_alternative<LeaseGrant>(outcome)) << message_of(outcome);
  const auto& newest = std::get<LeaseGrant>(outcome).promises.newest;
  ASSERT_TRUE(newest);
  EXPECT_EQ(newest->tree_size, 6);
  const auto refused = writer_->store_checkpoint(epoch_, late, identity);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::forbidden);
}

// A vaultd without a session for appends must not keep others from taking over: in doubt, the lease stays as it is
// until there is one. This is what a notary asks before it signs.
TEST_F(LeaseTest, LeaseIsConfirmedWhileItIsOursAndFreshAndTheLedgerIsThere) {
  take_lease();
  grow_to(5);
  const LeaseRequest mine{"a", std::chrono::milliseconds(3000)};
  EXPECT_TRUE(lease_store_->confirm(mine, epoch_, 5));
  EXPECT_EQ(lease_store_->confirm(mine, epoch_, 6).error().code, ErrorCode::forbidden);
  EXPECT_EQ(lease_store_->confirm(mine, epoch_ + 1, 5).error().code, ErrorCode::forbidden);
  EXPECT_EQ(lease_store_->confirm({"b", mine.timeout}, epoch_, 5).error().code, ErrorCode::forbidden);
  run("UPDATE vault_lease SET renewed_at = clock_timestamp() - interval '3.1 s'");
  EXPECT_EQ(lease_store_->confirm(mine, epoch_, 5).error().code, ErrorCode::forbidden);
  EXPECT_TRUE(lease_store_->renew("a", epoch_));
  EXPECT_TRUE(lease_store_->confirm(mine, epoch_, 5));
  run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'vaultd lease'");
  EXPECT_TRUE(lease_store_->renew("a", epoch_));  // on another connection
  run("UPDATE vault_head SET writer_epoch = writer_epoch + 1");
  EXPECT_EQ(lease_store_->confirm(mine, epoch_, 5).error().code, ErrorCode::forbidden);
  PrivatePostgres::instance().crash();
  EXPECT_EQ(lease_store_->confirm(mine, epoch_, 5).error().code, ErrorCode::unavailable);
  PrivatePostgres::instance().start();
}

TEST_F(LeaseTest, ResolvingWithoutASessionDoesNotRenew) {
  run("DROP ROLE IF EXISTS vault_narrow; CREATE ROLE vault_narrow LOGIN CONNECTION LIMIT 2;"
      "GRANT vault_writer TO vault_narrow");
  PostgresOptions options = options_;
  options.url += " user=vault_narrow";
  auto narrow = make_postgres_writer(options);
  LeaseOutcome outcome = take(*narrow, "a");
  ASSERT_TRUE(std::holds_alternative<LeaseGrant>(outcome)) << message_of(outcome);
  epoch_ = std::get<LeaseGrant>(outcome).epoch;
  const AppendRequest request = request_for(make_seal(1));
  const char* const lease = "SELECT epoch || ' ' || renewed_at FROM vault_lease";
  const std::string before = ask(lease);
  EXPECT_EQ(narrow->resolve(request).kind, ResolveKind::unreachable);  // the grant's session is one of the two
  EXPECT_EQ(ask(lease), before);
  std::get<LeaseGrant>(outcome).session.reset();
  ResolveKind resolved = ResolveKind::unreachable;  // until the server has noticed that the session is gone
  for (int tries = 0; tries < 100 && resolved == ResolveKind::unreachable; ++tries) {
    if (tries > 0) std::this_thread::sleep_for(std::chrono::milliseconds(100));
    resolved = narrow->resolve(request).kind;
  }
  EXPECT_EQ(resolved, ResolveKind::not_committed);
  EXPECT_NE(ask(lease), before);
}

}  // namespace
}  // namespace vault::test
