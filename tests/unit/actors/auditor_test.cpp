#include "actors/auditor.hpp"

#include <gtest/gtest.h>

#include "tests/unit/actors/recorded_effects.hpp"

namespace vault {
namespace {

// A ledger without entries.
class EmptySnapshot final : public Snapshot {
 public:
  Result<Head> head() override { return empty_head(); }
  Result<std::optional<Entry>> entry_by_sequence(std::int64_t) override { return std::nullopt; }
  Result<std::optional<Entry>> entry_by_seal_id(const Uuid&) override { return std::nullopt; }
  Result<Page> page(const PageRequest&) override { return Page{}; }
  Status scan(std::int64_t, std::int64_t, const std::function<bool(const RowView&)>&) override { return {}; }
  Result<std::vector<Tile>> tiles(unsigned, std::uint64_t, std::uint64_t) override { return std::vector<Tile>{}; }
  Result<std::vector<LogIdentity>> identities() override { return std::vector<LogIdentity>{}; }
  Result<std::vector<StoredCheckpoint>> checkpoints(std::int64_t, std::int64_t, std::size_t) override {
    return std::vector<StoredCheckpoint>{};
  }
  Result<std::optional<StoredCheckpoint>> newest_checkpoint() override { return std::nullopt; }
  Result<std::string> read_tile(const TileId&, unsigned) override { return fail(ErrorCode::not_found, "no tile"); }
  Result<std::string> ledger_id() override { return std::string(); }
};

class FailingStore final : public ReaderStore {
 public:
  Result<std::unique_ptr<Snapshot>> snapshot() override {
    if (error) return tl::unexpected(*error);
    return std::make_unique<EmptySnapshot>();
  }
  std::optional<Error> error;
};

class AuditorTest : public ::testing::Test {
 protected:
  std::vector<Alert> steps(int count) {
    effects_.sent.clear();
    for (int i = 0; i < count; ++i) auditor_.handle(TimerFired{0}, effects_);
    std::vector<Alert> alerts;
    for (const auto& [to, message] : effects_.sent) {
      if (const auto* told = std::get_if<AlertMessage>(&message); told != nullptr && to == ActorId::publisher) {
        alerts.push_back(told->alert);
      }
    }
    return alerts;
  }

  FailingStore store_;
  RecordedEffects effects_;
  Auditor auditor_{store_, AuditorOptions{}};
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

}  // namespace
}  // namespace vault
