// Shared by the tests of the store: a fresh database, and a writer's view of it.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "ledger/announcement.hpp"
#include "ledger/canonical_json.hpp"
#include "ledger/sequencer.hpp"
#include "store/postgres/store.hpp"
#include "store/verify.hpp"
#include "tests/support/blocking_append.hpp"
#include "tests/support/private_postgres.hpp"

namespace vault::test {

class StoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    url_ = PrivatePostgres::instance().create_database();
    options_.url = url_;
    writer_ = make_postgres_writer(options_);
    lease_store_ = make_postgres_lease_store(options_);
    reader_ = make_postgres_reader(options_);
  }

  void run(const std::string& sql) { PrivatePostgres::instance().run(url_, sql); }
  std::string ask(const std::string& sql) { return PrivatePostgres::instance().ask(url_, sql); }
  // Tampers like somebody who takes the trouble to disable triggers and drop constraints.
  void tamper(const std::string& sql) {
    std::string script = "BEGIN;";
    for (const char* table :
         {"vault_ledger", "vault_tile", "vault_checkpoint", "vault_origin", "vault_contradiction"}) {
      script += fmt::format("ALTER TABLE {} DISABLE TRIGGER ALL;", table);
    }
    script +=
        "ALTER TABLE vault_ledger DROP CONSTRAINT IF EXISTS vault_ledger_sequence_check;"
        "ALTER TABLE vault_tile DROP CONSTRAINT IF EXISTS vault_tile_check;"
        "ALTER TABLE vault_checkpoint DROP CONSTRAINT IF EXISTS vault_checkpoint_check;"
        "ALTER TABLE vault_origin DROP CONSTRAINT IF EXISTS vault_origin_check;";
    run(script + sql + ";COMMIT");
  }

  // Takes the lease with `writer_`; from then on state_ and epoch_ are the ledger's.
  void take_lease(const std::string& instance = "a") {
    LeaseOutcome outcome = writer_->take_lease({instance, std::chrono::milliseconds(3000)});
    if (const auto* error = std::get_if<Error>(&outcome)) FAIL() << error->message;
    ASSERT_TRUE(std::holds_alternative<LeaseGrant>(outcome));
    const auto& grant = std::get<LeaseGrant>(outcome);
    state_ = grant.state;
    epoch_ = grant.epoch;
  }

  static Seal make_seal(std::int64_t number) {
    static const Verdict verdicts[] = {Verdict::seal,  Verdict::partial, Verdict::sabar,
                                       Verdict::void_, Verdict::hold,    Verdict::sunset};
    Seal seal;
    seal.session_id = fmt::format("session-{}", number % 7);
    seal.authority = number % 5 == 0 ? "auditor" : "judge";
    seal.verdict = verdicts[number % 6];
    seal.seal_data = fmt::format(R"({{"n":{},"text":"Grüße \"{}\"","x":0.1}})", number, number * 3);
    seal.seal_id = id_of(number);
    return seal;
  }

  // The seal that vaultd makes before it stores anything of a new log identity.
  static Seal announcement_of(const std::string& origin) {
    Announcement announcement;
    announcement.new_origin = origin;
    return make_announcement(announcement);
  }

  static Uuid id_of(std::int64_t number) {
    Uuid id;
    for (std::size_t i = 0; i < 8; ++i) id.bytes[15 - i] = static_cast<std::uint8_t>(number >> (8 * i));
    return id;
  }

  // The time at which entry `n` is sealed.
  static Timestamp time_of(std::int64_t n) { return {1'700'000'000'000'000 + n * 1'000'000}; }

  // A request for `seals` on top of state_, which moves on; take_back() undoes that.
  AppendRequest request_for(const std::vector<Seal>& seals, Timestamp now) {
    before_ = state_;
    AppendRequest request;
    request.epoch = epoch_;
    request.expected = state_.head;
    std::vector<SealInput> inputs;
    for (const Seal& seal : seals) inputs.push_back({&seal, Salt{7}});
    request.batch = sequence_seals(state_, inputs, now);
    request.next = state_.head;
    return request;
  }
  AppendRequest request_for(const Seal& seal) {
    return request_for(std::vector<Seal>{seal}, time_of(state_.head.sequence + 1));
  }
  void take_back() { state_ = before_; }

  // Appends entries until there are `size`, each at its own time.
  void grow_to(std::int64_t size) {
    while (state_.head.sequence < size) {
      std::vector<Seal> seals;
      AppendRequest request;
      request.epoch = epoch_;
      request.expected = state_.head;
      while (state_.head.sequence < size && request.batch.entries.size() < 1000) {
        const Seal seal = make_seal(state_.head.sequence + 1);
        const SealInput input{&seal, Salt{7}};
        auto one = sequence_seals(state_, {&input, 1}, time_of(state_.head.sequence + 1));
        for (auto& entry : one.entries) request.batch.entries.push_back(std::move(entry));
        for (auto& tile : one.tiles) request.batch.tiles.push_back(std::move(tile));
      }
      request.next = state_.head;
      const AppendOutcome outcome = append(*writer_, request);
      ASSERT_EQ(outcome.kind, AppendKind::committed) << outcome.detail;
    }
  }

  VerifyReport verify(const LedgerVerification& request = {}) {
    auto report = verify_ledger(*reader_, request, nullptr);
    if (!report) {
      ADD_FAILURE() << report.error().message;
      return {};
    }
    return *report;
  }
  // "reason@sequence", or "valid".
  std::string verdict(const LedgerVerification& request = {}) {
    const VerifyReport report = verify(request);
    if (!report.finding) return "valid";
    return fmt::format("{}@{}", finding_name(report.finding->reason), report.finding->sequence);
  }

  std::unique_ptr<Snapshot> snapshot() {
    auto opened = reader_->snapshot();
    if (!opened) throw std::runtime_error(opened.error().message);
    return *std::move(opened);
  }

  std::string url_;
  PostgresOptions options_;
  std::unique_ptr<WriterStore> writer_;
  std::unique_ptr<LeaseStore> lease_store_;
  std::unique_ptr<ReaderStore> reader_;
  LedgerState state_;
  LedgerState before_;
  std::int64_t epoch_ = 0;
};

}  // namespace vault::test
