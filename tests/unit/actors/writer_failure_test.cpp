// A writer whose batches are refused, fail or end in doubt, and the seals in them.
#include <gtest/gtest.h>

#include <tuple>

#include "tests/unit/actors/writer_lease_fixture.hpp"

namespace vault {
namespace {

class WriterFailureTest : public WriterLeaseTest {};

// Those who wait are not to blame for the row.
TEST_F(WriterFailureTest, RowInTheWayIsTamperingAndNobodysSealIsRefused) {
  activate(1);
  SealOrders orders;
  Seal seal;
  seal.session_id = seal.authority = "a";
  seal.seal_data = "{}";
  orders.orders.push_back({7, {seal}, true, 2});
  tell(std::move(orders));
  writer_.round_done(effects_);
  answer(AppendKind::occupied);
  EXPECT_EQ(answers(), (std::map<Ticket, std::string>{}));
  EXPECT_EQ(alerts(), std::set<std::string>{"tamper"});
  fire_timers();
  activate(2);
  writer_.round_done(effects_);
  EXPECT_EQ(appends(), 2U);  // it has waited
  EXPECT_EQ(alerts(), std::set<std::string>{"tamper"}) << "that a lease was granted says nothing of the row";
  answer(AppendKind::committed);
  EXPECT_EQ(alerts(), std::set<std::string>{});
}

// A full disk: the lease is granted each time, and nothing can be committed.
TEST_F(WriterFailureTest, CommitThatFailsIsOneAlertUntilOneIsDone) {
  for (std::int64_t epoch = 1; epoch <= 9; ++epoch) {
    activate(epoch);
    order(static_cast<Ticket>(epoch));
    writer_.round_done(effects_);
    answer(AppendKind::failed, SqlState("53100"));
    EXPECT_EQ(alerts(), std::set<std::string>{"database"});
    fire_timers();
  }
  EXPECT_EQ(effects_.messages<AlertMessage>(ActorId::gateway).size(), 1U);
  activate(10);
  EXPECT_EQ(alerts(), std::set<std::string>{"database"});
  order(10);
  writer_.round_done(effects_);
  answer(AppendKind::committed);
  EXPECT_EQ(alerts(), std::set<std::string>{});
}

// And between the tries, nobody is told that all is well, or another reason.
TEST_F(WriterFailureTest, LeaseAfterACommitThatFailedIsOnTrial) {
  activate(1);
  order(1);
  writer_.round_done(effects_);
  answer(AppendKind::failed, SqlState("53100"));
  const auto status = [&] { return effects_.messages<WriterStatus>(ActorId::gateway).back(); };
  const auto told = [&] {
    const WriterStatus last = status();
    return std::tuple(last.ready, last.writer, last.settled, last.trial, last.detail);
  };
  std::tuple broken(false, false, true, false, std::string("as the test wants it"));
  EXPECT_EQ(told(), broken);
  fire_timers();
  grant_lease(2);
  EXPECT_EQ(told(), broken) << "while the tree is adopted";
  order(2);
  writer_.round_done(effects_);
  const auto refused = effects_.messages<SealAnswers>(ActorId::gateway).back().answers.front().receipts.error();
  EXPECT_NE(refused.message.find("as the test wants it"), std::string::npos) << refused.message;
  tell(Adopted{2, Adopted::Outcome::agreed, {}, {}});
  std::get<3>(broken) = true;
  EXPECT_EQ(told(), broken);
  order(3);  // is tried
  writer_.round_done(effects_);
  answer(AppendKind::committed);
  fire_timers();
  EXPECT_TRUE(status().ready);
}

// If nobody seals, nobody can show that sealing works: after a while without another failure, it is assumed to.
TEST_F(WriterFailureTest, TrialEndsByItself) {
  activate(1);
  order(1);
  writer_.round_done(effects_);
  answer(AppendKind::failed, SqlState("53100"));
  activate(2);
  for (int i = 0; i < 200 && !effects_.messages<WriterStatus>(ActorId::gateway).back().ready; ++i) {
    effects_.time += std::chrono::milliseconds(250);
    fire_timers();
  }
  EXPECT_TRUE(effects_.messages<WriterStatus>(ActorId::gateway).back().ready);
  EXPECT_EQ(alerts(), std::set<std::string>{"database"}) << "no commit has succeeded";
}

// A constraint that somebody has added refuses everything, which is no seal's fault: no ingest order is dropped for it,
// and no producer is told that its seal is bad.
TEST_F(WriterFailureTest, DatabaseThatRefusesEverythingIsNoSealsFault) {
  activate(1);
  SealOrders orders;
  for (Ticket ticket = 1; ticket <= 3; ++ticket) {
    Seal seal;
    seal.session_id = seal.authority = "a";
    seal.seal_data = "{}";
    orders.orders.push_back({ticket, {seal}, ticket != 2, 2});  // the second on request, the others by ingest
  }
  tell(std::move(orders));
  writer_.round_done(effects_);
  for (int tries = 0; tries < 20 && alerts().empty(); ++tries) {
    answer(AppendKind::refused, SqlState("23514"));
    find_nothing();
  }
  EXPECT_EQ(alerts(), std::set<std::string>{"database"});
  const std::map<Ticket, std::string> answered{{1, "taken"}, {2, "unavailable"}, {3, "taken"}};
  EXPECT_EQ(answers(), answered);
  EXPECT_TRUE(effects_.messages<IngestRefused>(ActorId::notary).empty());
  EXPECT_EQ(leases_asked(), 0U) << "the lease is as good as before";
  const auto tick = [&] {
    fire_timers();
    writer_.round_done(effects_);
    find_nothing();
  };
  for (int tries = 0; tries < 100; ++tries) {  // nothing changes for 25 s
    tick();
    if (appends() > appends_answered_) answer(AppendKind::refused, SqlState("23514"));
  }
  EXPECT_LT(appends(), 20U) << "with patience";
  EXPECT_FALSE(effects_.messages<WriterStatus>(ActorId::gateway).back().ready);
  EXPECT_TRUE(effects_.messages<WriterStatus>(ActorId::gateway).back().trial);
  for (int tries = 0; tries < 100; ++tries) {  // the constraint is gone
    tick();
    if (appends() > appends_answered_) answer(AppendKind::committed);
  }
  std::size_t receipts = 0;
  for (const auto& told : effects_.messages<Committed>(ActorId::notary)) receipts += told.ingest.size();
  EXPECT_EQ(receipts, 2U);
  EXPECT_EQ(answers(), answered);
  EXPECT_TRUE(effects_.messages<IngestRefused>(ActorId::notary).empty());
  EXPECT_EQ(alerts(), std::set<std::string>{});
  EXPECT_TRUE(effects_.messages<WriterStatus>(ActorId::gateway).back().ready);
}

// A seal that is refused while others are committed is at fault itself.
TEST_F(WriterFailureTest, SealThatAloneIsRefusedIsRefusedOnceAnotherIsTaken) {
  activate(1);
  order(1);
  order(2);
  writer_.round_done(effects_);
  answer(AppendKind::refused, SqlState("22003"));  // both
  for (int tries = 0; tries < 6 && answers().size() < 2; ++tries) {
    find_nothing();
    answer(tries == 1 ? AppendKind::committed : AppendKind::refused, SqlState("22003"));
  }
  EXPECT_EQ(answers().size(), 2U);
  EXPECT_EQ(alerts(), std::set<std::string>{});
}

// With no other to compare it with, a request is answered that it was refused, and an order from ingest waits.
TEST_F(WriterFailureTest, SealThatIsRefusedWithNobodyBesideItWaitsForAnother) {
  activate(1);
  SealOrders orders;
  Seal seal;
  seal.session_id = seal.authority = "a";
  seal.seal_data = "{}";
  orders.orders.push_back({1, {seal}, true, 2});
  tell(std::move(orders));
  writer_.round_done(effects_);
  answer(AppendKind::refused, SqlState("22003"));
  writer_.round_done(effects_);
  EXPECT_EQ(appends(), 1U);
  EXPECT_EQ(answers(), (std::map<Ticket, std::string>{{1, "taken"}})) << "it is in nobody's way";
  EXPECT_EQ(alerts(), std::set<std::string>{});
  for (int i = 0; i < 30 && appends() == 1; ++i) {
    fire_timers();
    writer_.round_done(effects_);
    find_nothing();
  }
  EXPECT_EQ(appends(), 2U) << "it is tried again now and then";
  answer(AppendKind::refused, SqlState("22003"));
  order(2);
  writer_.round_done(effects_);
  answer(AppendKind::committed);
  writer_.round_done(effects_);
  find_nothing();
  answer(AppendKind::refused, SqlState("22003"));
  EXPECT_EQ(effects_.messages<IngestRefused>(ActorId::notary).size(), 1U);
  EXPECT_EQ(alerts(), std::set<std::string>{});
}

// A failure at COMMIT itself: a single one may be the connection's, repeated ones are a state.
TEST_F(WriterFailureTest, CommitsThatEndInDoubtAgainAndAgainAreAnAlertAndWait) {
  activate(1);
  order(1);
  writer_.round_done(effects_);
  std::int64_t epoch = 1;
  for (int tries = 0; tries < 2; ++tries) {
    answer(AppendKind::in_doubt);
    EXPECT_EQ(alerts(), std::set<std::string>{"database"});
    ResolveAnswer resolved;
    resolved.outcome.kind = ResolveKind::not_committed;
    resolved.outcome.epoch = ++epoch;
    tell(std::move(resolved));
    writer_.round_done(effects_);
  }
  EXPECT_EQ(answers(), (std::map<Ticket, std::string>{{1, "unavailable"}}));
  const WriterStatus status = effects_.messages<WriterStatus>(ActorId::gateway).back();
  EXPECT_FALSE(status.ready);
  EXPECT_NE(status.detail.find("as the test wants it"), std::string::npos) << status.detail;
  EXPECT_EQ(appends(), 2U);
  fire_timers();
  activate(++epoch);
  order(2);
  writer_.round_done(effects_);
  answer(AppendKind::committed);
  EXPECT_EQ(alerts(), std::set<std::string>{});
}

}  // namespace
}  // namespace vault
