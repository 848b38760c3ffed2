#include "actors/auditor.hpp"

#include <gtest/gtest.h>

#include "tests/unit/actors/recorded_effects.hpp"
#include "tests/unit/ledger/row_fixture.hpp"

namespace vault {
namespace {

// A ledger in memory, which a test may change between two snapshots.
struct MemoryLedger {
  void grow_to(std::size_t size) {
    while (entries.size() < size) {
      const auto n = static_cast<int>(entries.size());
      Seal seal{"session", "auditor", Verdict::seal, payload, Uuid{}};
      seal.seal_id->bytes[14] = static_cast<std::uint8_t>(n >> 8);
      seal.seal_id->bytes[15] = static_cast<std::uint8_t>(n);
      const SealInput input{&seal, Salt{7}};
      auto batch = sequence_seals(state, {&input, 1}, {1'770'000'000'000'000 + n});
      for (Tile& tile : batch.tiles) tiles.push_back(std::move(tile));
      entries.push_back(std::move(batch.entries[0]));
    }
    head = state.head;
  }
  // As after a restore to an earlier moment.
  void cut_to(std::size_t size) {
    const Entry& last = entries[size - 1];
    head = {last.sequence, last.entry_hash, last.merkle_root, last.timestamp};
  }
  Checkpoint checkpoint(std::size_t size) const {
    return {"log", static_cast<std::int64_t>(size), entries[size - 1].merkle_root};
  }

  LedgerState state;
  std::vector<Entry> entries;
  std::vector<Tile> tiles;
  Head head = empty_head();
  std::string payload = "{}";
  Strays strays;
  bool replica = false, prepared = false;
  std::int64_t bad_row = 0;
  std::int64_t rows_read = 0;
};

class MemorySnapshot final : public Snapshot {
 public:
  explicit MemorySnapshot(MemoryLedger& ledger) : ledger_(ledger) {}
  Result<Head> head() override { return ledger_.head; }
  Result<std::optional<Entry>> entry_by_sequence(std::int64_t) override { return std::nullopt; }
  Result<std::optional<Entry>> entry_by_seal_id(const Uuid&) override { return std::nullopt; }
  Result<Page> page(const PageRequest&) override { return Page{}; }
  Status scan(std::int64_t from, std::int64_t to, const std::function<bool(const RowView&)>& row) override {
    for (std::int64_t at = from; at <= std::min(to, ledger_.head.sequence); ++at) {
      StoredRow stored = StoredRow::from(ledger_.entries[static_cast<std::size_t>(at - 1)]);
      if (at == ledger_.bad_row) stored.authority = "mallory";
      if (to > from) ++ledger_.rows_read;
      if (!row(stored.view())) break;
    }
    return {};
  }
  Result<std::vector<Tile>> tiles(unsigned level, std::uint64_t from, std::uint64_t to) override {
    std::vector<Tile> out;
    for (const Tile& tile : ledger_.tiles) {
      if (tile.id.level == level && tile.id.index >= from && tile.id.index < to) out.push_back(tile);
    }
    return out;
  }
  Result<std::vector<LogIdentity>> identities() override { return std::vector<LogIdentity>{{"log", "", 0}}; }
  Result<std::vector<StoredCheckpoint>> checkpoints(std::int64_t, std::int64_t, std::size_t) override {
    return std::vector<StoredCheckpoint>{};
  }
  Result<std::optional<StoredCheckpoint>> newest_checkpoint() override { return std::nullopt; }
  Result<std::string> read_tile(const TileId&, unsigned) override { return fail(ErrorCode::not_found, "no tile"); }
  Result<std::string> ledger_id() override { return std::string(); }
  Result<Strays> strays(std::int64_t head) override {
    ledger_.strays.row_last = head;
    return ledger_.strays;
  }
  Result<std::vector<StoredCheckpoint>> checkpoints_beyond(std::int64_t) override {
    return std::vector<StoredCheckpoint>{};
  }
  Result<bool> is_replica() override { return ledger_.replica; }
  Result<bool> prepared_open() override { return ledger_.prepared; }

 private:
  MemoryLedger& ledger_;
};

class FailingStore final : public ReaderStore {
 public:
  Result<std::unique_ptr<Snapshot>> snapshot() override {
    if (error) return tl::unexpected(*error);
    return std::make_unique<MemorySnapshot>(ledger);
  }
  std::optional<Error> error;
  MemoryLedger ledger;
};

class AuditorTest : public ::testing::Test {
 protected:
  explicit AuditorTest(const AuditorOptions& options = {}) : auditor_(store_, options) {}

  std::vector<Alert> steps(int count) {
    effects_.sent.clear();
    for (int i = 0; i < count; ++i) {
      effects_.time = std::max(effects_.timers[0], effects_.time);
      auditor_.handle(TimerFired{0}, effects_);
    }
    std::vector<Alert> alerts;
    for (const auto& [to, message] : effects_.sent) {
      if (const auto* told = std::get_if<AlertMessage>(&message); told != nullptr && to == ActorId::publisher) {
        alerts.push_back(told->alert);
      }
    }
    return alerts;
  }

  void tell_checkpoint(const Checkpoint& checkpoint) {
    CheckpointSigned message;
    message.checkpoint = {checkpoint, {}};
    auditor_.handle(message, effects_);
  }
  std::string found(int count) {
    std::string out;
    for (const Alert& alert : steps(count)) {
      out += alert.raised ? alert.reason + "@" + std::to_string(alert.sequence) + " " : "over ";
    }
    return out;
  }

  FailingStore store_;
  MemoryLedger& ledger_ = store_.ledger;
  RecordedEffects effects_;
  Auditor auditor_;
};

TEST_F(AuditorTest, WhatCannotBeReadIsToldOnceAndClearedWhenItCan) {
  EXPECT_TRUE(steps(3).empty());
  store_.error = Error{ErrorCode::internal, "database: SQLSTATE XX001: invalid page in block 20", {}};
  const auto raised = steps(5);
  ASSERT_EQ(raised.size(), 1U);
  EXPECT_EQ(raised[0].kind, "audit");
  EXPECT_EQ(raised[0].severity, Severity::critical);
  EXPECT_NE(raised[0].message.find("from entry 1 on: database: SQLSTATE XX001"), std::string::npos);
  store_.error.reset();
  const auto cleared = steps(5);
  ASSERT_EQ(cleared.size(), 1U);
  EXPECT_EQ(cleared[0].kind, "audit");
  EXPECT_FALSE(cleared[0].raised);
}

TEST_F(AuditorTest, WhatMayPassByItselfIsToldAfterAMinute) {
  store_.error = Error{ErrorCode::unavailable, "database: SQLSTATE 58030: could not read block 20", {}};
  EXPECT_TRUE(steps(59).empty());
  store_.error.reset();
  EXPECT_TRUE(steps(1).empty());
  store_.error = Error{ErrorCode::unavailable, "database: SQLSTATE 58030: could not read block 20", {}};
  EXPECT_TRUE(steps(59).empty());
  EXPECT_EQ(steps(10).size(), 1U);
}

// So that nobody else needs to ask.
TEST_F(AuditorTest, ItSaysWhetherTheDatabaseIsThere) {
  const auto said = [this](std::optional<Error> error) {
    store_.error = std::move(error);
    steps(1);
    std::string out;
    for (const DatabaseSeen& seen : effects_.messages<DatabaseSeen>(ActorId::gateway)) out += seen.there ? "+" : "-";
    return out;
  };
  EXPECT_EQ(said({}), "+");
  EXPECT_EQ(said(Error{ErrorCode::unavailable, "database: connection lost", {}}), "-");
  EXPECT_EQ(said(Error{ErrorCode::internal, "database: SQLSTATE XX001: invalid page in block 20", {}}), "+");
}

// --- The end -------------------------------------------------------------------------------------------------------

TEST_F(AuditorTest, TheEndIsLookedAtInEveryStepHoweverFarTheRoundIs) {
  ledger_.grow_to(10'000);  // five rounds of a second
  EXPECT_EQ(found(1), "");
  ledger_.strays.row_beyond = 12'000;
  EXPECT_EQ(found(1), "stray_row@12000 ");
  EXPECT_EQ(found(20), "") << "once";
  ledger_.strays.row_beyond.reset();
  EXPECT_EQ(found(4), "") << "the round in which it was seen does not clear it";
  EXPECT_EQ(found(10), "over ");
}

TEST_F(AuditorTest, AnEditedHeadIsFoundAtOnce) {
  ledger_.grow_to(10'000);
  EXPECT_EQ(found(1), "");
  ledger_.head.merkle_root[0] ^= 1;
  EXPECT_EQ(found(1), "head_mismatch@10000 ");
}

TEST_F(AuditorTest, ARowThatIsMendedClearsTheAlertAfterAWholeRound) {
  ledger_.grow_to(5'000);
  ledger_.bad_row = 4'500;
  EXPECT_EQ(found(6), "entry_hash_mismatch@4500 ");
  EXPECT_EQ(found(10), "") << "told once, however often it is found";
  ledger_.strays.row_below = -1;
  EXPECT_EQ(found(6), "stray_row@-1 ") << "another one is told";
  ledger_.strays.row_below.reset();
  EXPECT_EQ(found(6), "") << "one is left";
  ledger_.bad_row = 0;
  EXPECT_EQ(found(12), "over ");
  EXPECT_EQ(found(10), "");
}

TEST_F(AuditorTest, WhatIsMissingIsBelievedOnASecondLook) {
  ledger_.grow_to(1'000);
  EXPECT_EQ(found(2), "");
  ledger_.cut_to(900);
  EXPECT_EQ(found(2), "");
  ledger_.cut_to(1'000);  // it was there all the time
  EXPECT_EQ(found(5), "");
  ledger_.cut_to(900);
  EXPECT_EQ(found(3), "");
  EXPECT_EQ(found(2), "truncated@901 ");
  EXPECT_EQ(found(10), "");
}

TEST_F(AuditorTest, APreparedTransactionIsGivenMoreTime) {
  ledger_.grow_to(1'000);
  EXPECT_EQ(found(2), "");
  ledger_.prepared = true;
  ledger_.cut_to(900);
  EXPECT_EQ(found(29), "");
  EXPECT_EQ(found(3), "truncated@901 ");
}

TEST_F(AuditorTest, AKnownCheckpointIsComparedInEveryStep) {
  ledger_.grow_to(10'000);
  Checkpoint known = ledger_.checkpoint(9'000);
  tell_checkpoint(known);
  EXPECT_EQ(found(1), "");
  known.root[0] ^= 1;
  tell_checkpoint(known);
  EXPECT_EQ(found(1), "checkpoint_mismatch@9000 ");
}

TEST_F(AuditorTest, AReplicaThatIsLateIsNotTampering) {
  ledger_.grow_to(5'000);
  ledger_.replica = true;
  ledger_.cut_to(4'000);
  for (std::size_t seen = 4'000; seen < 4'900; seen += 10) {  // for a minute and a half, and it never gets there
    tell_checkpoint(ledger_.checkpoint(seen + 100));
    ledger_.cut_to(seen);
    EXPECT_TRUE(steps(1).empty()) << seen;
  }
  EXPECT_GT(ledger_.rows_read, 100'000) << "what is there is verified";
}

TEST_F(AuditorTest, AReplicaThatStandsStillIsTold) {
  ledger_.grow_to(200);
  ledger_.replica = true;
  tell_checkpoint(ledger_.checkpoint(200));
  ledger_.cut_to(100);
  EXPECT_TRUE(steps(50).empty());
  const auto told = steps(20);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].kind, "audit");
  ledger_.cut_to(200);
  EXPECT_EQ(found(1), "over ");
}

TEST_F(AuditorTest, AfterAnOutageTheEndIsLookedAtAgain) {
  ledger_.grow_to(1'000);
  EXPECT_EQ(found(2), "");
  store_.error = Error{ErrorCode::unavailable, "database: connection lost", {}};
  EXPECT_EQ(found(3), "");
  store_.error.reset();
  ledger_.strays.row_beyond = 1'001;
  EXPECT_EQ(found(3), "");
  EXPECT_EQ(found(2), "stray_row@1001 ");
}

// --- The pace ------------------------------------------------------------------------------------------------------

class UnhurriedAuditorTest : public AuditorTest {
 protected:
  UnhurriedAuditorTest() : AuditorTest({.rows_per_second = 20}) {}
};

TEST_F(UnhurriedAuditorTest, ARoundEndsHoweverFastTheLedgerGrows) {
  ledger_.grow_to(10);
  ledger_.bad_row = 3;
  EXPECT_EQ(found(1), "entry_hash_mismatch@3 ");
  ledger_.bad_row = 0;
  std::string told;
  for (std::size_t second = 1; told.empty() && second <= 2 * 3'600; ++second) {
    ledger_.grow_to(10 + second * 40);  // twice the rate that is set
    told += found(1);
  }
  EXPECT_EQ(told, "over ");
}

TEST_F(AuditorTest, AStepIsBoundedInBytesToo) {
  ledger_.payload = "{\"text\":\"" + std::string(1 << 20, 'x') + "\"}";
  ledger_.grow_to(100);
  steps(1);
  EXPECT_LE(ledger_.rows_read, 33);
  steps(1);
  EXPECT_LE(ledger_.rows_read, 66);
  steps(2);
  EXPECT_GE(ledger_.rows_read, 100);
}

TEST_F(AuditorTest, AfterATruncationItGoesOnAtItsRate) {
  ledger_.grow_to(20'000);
  steps(9);
  const std::int64_t before = ledger_.rows_read;
  ledger_.cut_to(10'000);
  steps(1);
  EXPECT_LE(ledger_.rows_read - before, 2'000);
}

}  // namespace
}  // namespace vault
