#include "actors/writer.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/actors/recorded_effects.hpp"

namespace vault {
namespace {

using std::chrono::milliseconds;

class WriterTest : public ::testing::Test {
 protected:
  // A writer on an empty ledger, active.
  void SetUp() override { begin({}); }
  void begin(LedgerState state) {
    writer_ = Writer(WriterOptions{});
    writer_.start(effects_);
    pass(milliseconds(0));
    grant_lease(std::move(state));
    writer_.handle(Adopted{1, Adopted::Outcome::agreed, {}, {}}, effects_);
    effects_.sent.clear();
  }
  void grant_lease(LedgerState state = {}) {
    LeaseGrant grant;
    grant.epoch = 1;
    if (state.head.sequence == 0) state.head = empty_head();
    grant.state = std::move(state);
    grant.database_now = effects_.now();
    writer_.handle(LeaseAnswer{std::move(grant)}, effects_);
  }

  static SealOrder make_order(std::uint8_t id, const std::string& data = "{}") {
    SealOrder order;
    order.ticket = id;
    order.seals.push_back(Seal{"session", "judge", Verdict::seal, data, Uuid{{id}}});
    return order;
  }
  void order(std::vector<SealOrder> orders) {
    writer_.handle(SealOrders{std::move(orders)}, effects_);
    writer_.round_done(effects_);
  }
  void order(std::uint8_t id) { order({make_order(id)}); }
  void answer_append(AppendKind kind) {
    writer_.handle(AppendAnswer{effects_.messages<Append>(ActorId::committer).back().generation, {kind, {}}}, effects_);
    writer_.round_done(effects_);
  }
  void fail_look_up() {
    writer_.handle(FindAnswer{fail(ErrorCode::unavailable, "database: connection lost")}, effects_);
    writer_.round_done(effects_);
  }
  // Time passes, and timers fire when they are due.
  void pass(milliseconds time) {
    for (const auto end = effects_.time + time;;) {
      auto next = effects_.timers.end();
      for (auto timer = effects_.timers.begin(); timer != effects_.timers.end(); ++timer) {
        if (timer->second <= end && (next == effects_.timers.end() || timer->second < next->second)) next = timer;
      }
      if (next == effects_.timers.end()) {
        effects_.time = end;
        return;
      }
      effects_.time = std::max(effects_.time, next->second);
      const int id = next->first;
      effects_.timers.erase(next);
      writer_.handle(TimerFired{id}, effects_);
      writer_.round_done(effects_);
      answer_renewals();
    }
  }
  void answer_renewals() {
    for (; renewals_answered_ < renewals(); ++renewals_answered_) {
      writer_.handle(LeaseRenewed{1, LeaseRenewal{effects_.now(), std::nullopt, 0, false, {}}}, effects_);
    }
  }
  // How often the lease keeper was told to keep the lease.
  std::size_t renewals() const { return effects_.messages<KeepLease>(ActorId::lease_keeper).size(); }
  std::size_t look_ups() const { return effects_.messages<FindSeals>(ActorId::coordinator).size(); }

  RecordedEffects effects_;
  Writer writer_{[] {
    WriterOptions options;
    options.second_batch_orders = 1;
    options.recent_seals = 1;
    return options;
  }()};
  std::size_t renewals_answered_ = 0;
};

TEST_F(WriterTest, HasItsLeaseKeptAsLongAsItMakesProgress) {
  pass(milliseconds(10'000));
  EXPECT_EQ(renewals(), 40U);
}

// A standby may succeed, but can only try once the lease has expired.
TEST_F(WriterTest, LetsItsLeaseRunOutWhileABatchGetsNoAnswer) {
  order(1);
  pass(milliseconds(3'000));
  EXPECT_EQ(renewals(), 12U);
  pass(milliseconds(20'000));
  EXPECT_EQ(renewals(), 12U);
  answer_append(AppendKind::committed);
  EXPECT_EQ(effects_.messages<SealAnswers>(ActorId::gateway).size(), 1U);
  pass(milliseconds(5'000));
  EXPECT_EQ(renewals(), 32U);
}

// Slow batches, one behind the other, are no silence.
TEST_F(WriterTest, KeepsItsLeaseWhileBatchesAreSlow) {
  order(1);
  for (std::uint8_t id = 2; id <= 6; ++id) {
    order(id);
    pass(milliseconds(2'500));
    answer_append(AppendKind::committed);
  }
  EXPECT_EQ(renewals(), 50U);
}

// The second is already in the ledger, and its answer was lost. The first, with the same seal_id, will never be there.
TEST_F(WriterTest, RefusesNothingForWhatMayNotCommit) {
  SealOrder stored = make_order(2, R"({"n":1})");
  stored.ticket = 9;
  LedgerState state;
  const SealInput input{&stored.seals.front(), {}};
  const Entry entry = sequence_seals(state, {&input, 1}, effects_.now()).entries.front();
  begin(state);
  order({make_order(2), make_order(3), std::move(stored)});
  EXPECT_TRUE(effects_.messages<SealAnswers>(ActorId::gateway).empty());
  answer_append(AppendKind::duplicate);
  const FindSeals asked = effects_.messages<FindSeals>(ActorId::coordinator).back();
  std::vector<FoundSeal> found;
  for (const Uuid& id : asked.seal_ids) {
    found.emplace_back(id == entry.seal_id ? std::optional(SealedEntry{entry, true}) : std::nullopt);
  }
  writer_.handle(FindAnswer{std::move(found)}, effects_);
  writer_.round_done(effects_);
  answer_append(AppendKind::committed);
  std::map<Ticket, Result<std::vector<Receipt>>> answers;
  for (const auto& message : effects_.messages<SealAnswers>(ActorId::gateway)) {
    for (const SealAnswer& answer : message.answers) answers.emplace(answer.ticket, answer.receipts);
  }
  ASSERT_EQ(answers.size(), 3U);
  ASSERT_FALSE(answers.at(2));
  EXPECT_EQ(answers.at(2).error().code, ErrorCode::seal_id_conflict);
  EXPECT_TRUE(answers.at(3));
  ASSERT_TRUE(answers.at(9));
  EXPECT_TRUE(answers.at(9)->front().duplicate);
}

// The coordinator's session fails while the other one has a batch in flight: nothing is lost yet, and asking again at
// once gains nothing.
TEST_F(WriterTest, LooksUpAgainNoSoonerThanTheNextTick) {
  order(1);
  answer_append(AppendKind::committed);
  order(1);
  order(2);
  EXPECT_EQ(look_ups(), 1U);
  for (std::size_t times = 1; times <= 5; ++times) {
    fail_look_up();
    EXPECT_EQ(look_ups(), times);
    pass(milliseconds(250));
    EXPECT_EQ(look_ups(), times + 1);
  }
  const AppendRequest& sealed = *effects_.messages<Append>(ActorId::committer).front().request;
  writer_.handle(FindAnswer{std::vector<FoundSeal>{SealedEntry{sealed.batch.entries.front(), true}}}, effects_);
  answer_append(AppendKind::committed);
  const auto answers = effects_.messages<SealAnswers>(ActorId::gateway);
  ASSERT_EQ(answers.size(), 3U);
  ASSERT_TRUE(answers.back().answers.front().receipts);
  EXPECT_TRUE(answers.back().answers.front().receipts->front().duplicate);
}

// Only its own seal is refused.
TEST_F(WriterTest, EntryThatCannotBeReadHurtsOnlyWhoAsksForIt) {
  order(1);
  answer_append(AppendKind::duplicate);
  order({make_order(2), make_order(3)});
  std::vector<FoundSeal> found;
  found.emplace_back(fail(ErrorCode::internal, "entry 7: column entry_hash holds no value of its kind"));
  writer_.handle(FindAnswer{std::move(found)}, effects_);
  writer_.round_done(effects_);
  answer_append(AppendKind::committed);
  std::map<Ticket, std::string> answers;
  for (const auto& message : effects_.messages<SealAnswers>(ActorId::gateway)) {
    for (const SealAnswer& answer : message.answers) {
      answers[answer.ticket] = answer.receipts ? "sealed" : answer.receipts.error().message;
    }
  }
  EXPECT_EQ(answers, (std::map<Ticket, std::string>{
                         {1, "entry 7: column entry_hash holds no value of its kind"}, {2, "sealed"}, {3, "sealed"}}));
  const auto alerts = effects_.messages<AlertMessage>(ActorId::gateway);
  ASSERT_EQ(alerts.size(), 1U);
  EXPECT_EQ(alerts[0].alert.kind, "tamper");
  EXPECT_NE(alerts[0].alert.message.find("entry 7"), std::string::npos);
  // Over when that seal can be compared again.
  order(1);
  found.clear();
  found.emplace_back(std::nullopt);
  writer_.handle(FindAnswer{std::move(found)}, effects_);
  writer_.round_done(effects_);
  answer_append(AppendKind::committed);
  EXPECT_FALSE(effects_.messages<AlertMessage>(ActorId::gateway).back().alert.raised);
  EXPECT_TRUE(effects_.messages<TakeLease>(ActorId::coordinator).empty());
}

// A damaged index, say.
TEST_F(WriterTest, DuplicateOfNothingIsRefusedInTheEnd) {
  order(1);
  for (int times = 0; times < 2; ++times) {
    EXPECT_TRUE(effects_.messages<SealAnswers>(ActorId::gateway).empty());
    answer_append(AppendKind::duplicate);
    if (times == 1) break;
    writer_.handle(FindAnswer{std::vector<FoundSeal>{FoundSeal(std::nullopt)}}, effects_);
    writer_.round_done(effects_);
  }
  const auto answers = effects_.messages<SealAnswers>(ActorId::gateway);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].answers[0].receipts.error().code, ErrorCode::internal);
}

// Results from the database of another lease may not hold for this one.
TEST_F(WriterTest, WhatWasFoundIsForgottenWithTheLease) {
  LedgerState state;
  Seal seal = make_order(1).seals.front();
  const SealInput input{&seal, {}};
  const Entry entry = sequence_seals(state, {&input, 1}, effects_.now()).entries.front();
  begin(state);
  SealOrder again = make_order(1);
  again.ingest = true;
  order({again});
  answer_append(AppendKind::duplicate);
  std::vector<FoundSeal> found;
  found.emplace_back(SealedEntry{entry, true});
  writer_.handle(FindAnswer{std::move(found)}, effects_);  // before the round is over, the session ends
  writer_.handle(SessionLost{}, effects_);
  writer_.round_done(effects_);
  grant_lease();
  writer_.handle(Adopted{1, Adopted::Outcome::agreed, {}, {}}, effects_);
  writer_.round_done(effects_);
  EXPECT_EQ(look_ups(), 2U);
  EXPECT_TRUE(effects_.messages<SealAnswers>(ActorId::gateway).empty());
}

// An entry beyond the durable head may be this writer's own batch, whose commit is in doubt: on a server that replaces
// this one, it may never have existed.
TEST_F(WriterTest, TellsNothingOfAnEntryBeyondItsHead) {
  LedgerState state;
  SealOrder stored = make_order(2);
  const SealInput input{&stored.seals.front(), {}};
  const Entry entry = sequence_seals(state, {&input, 1}, effects_.now()).entries.front();
  order(2);
  answer_append(AppendKind::duplicate);
  ASSERT_EQ(effects_.messages<FindSeals>(ActorId::coordinator).size(), 1U);
  writer_.handle(FindAnswer{std::vector<FoundSeal>{FoundSeal(SealedEntry{entry, true})}}, effects_);
  writer_.round_done(effects_);
  EXPECT_TRUE(effects_.messages<SealAnswers>(ActorId::gateway).empty());
  EXPECT_EQ(effects_.messages<FindSeals>(ActorId::coordinator).size(), 1U) << "not again at once";
  pass(milliseconds(300));
  writer_.round_done(effects_);
  EXPECT_EQ(effects_.messages<FindSeals>(ActorId::coordinator).size(), 2U);
}

// The events of sealed entries have not been published yet, because an actor behind the writer is slow: it waits, so
// that their memory is bounded.
TEST_F(WriterTest, FliesNoFurtherThanItsEventsMayLagBehind) {
  WriterOptions options;
  options.unpublished_bytes_max = 5'000;
  writer_ = Writer(options);
  effects_ = {};
  writer_.start(effects_);
  pass(milliseconds(0));
  grant_lease();
  writer_.handle(Adopted{1, Adopted::Outcome::agreed, {}, {}}, effects_);
  const auto batches = [&] { return effects_.messages<Append>(ActorId::committer).size(); };
  std::size_t told = 0;
  for (std::uint8_t id = 1; id <= 20; ++id) {
    SealOrder one = make_order(id, R"({"text":")" + std::string(2'000, 'x') + R"("})");
    one.bytes = 2'000;
    order({std::move(one)});
    if (batches() == told) break;
    told = batches();
    answer_append(AppendKind::committed);
  }
  EXPECT_GE(told, 2U);
  EXPECT_LE(told, 3U) << "what is not published yet has no bound";
  pass(milliseconds(1'000));
  EXPECT_EQ(batches(), told) << "it waits";
  writer_.handle(Published{2'000 * told}, effects_);
  writer_.round_done(effects_);
  EXPECT_EQ(batches(), told + 1);
}

}  // namespace
}  // namespace vault
