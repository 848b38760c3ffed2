// What becomes of a writer whose session ends, or who gets no lease.
#include "actors/writer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "tests/unit/actors/recorded_effects.hpp"

namespace vault {
namespace {

class WriterLeaseTest : public ::testing::Test {
 protected:
  void SetUp() override { writer_.start(effects_); }

  void tell(Message message) { writer_.handle(std::move(message), effects_); }

  // As the database has it by now.
  void grant_lease(std::int64_t epoch) {
    LeaseGrant grant;
    grant.epoch = epoch;
    grant.state = stored_;
    grant.database_now = effects_.now();
    tell(LeaseAnswer{std::move(grant)});
  }
  void activate(std::int64_t epoch) {
    grant_lease(epoch);
    tell(Adopted{epoch, Adopted::Outcome::agreed, {}, {}});
  }

  void order(Ticket ticket) {
    Seal seal;
    seal.session_id = seal.authority = "a";
    seal.seal_data = "{}";
    SealOrders orders;
    orders.orders.push_back({ticket, {seal}, false, 2});
    tell(std::move(orders));
  }
  std::size_t appends() const { return effects_.messages<Append>(ActorId::committer).size(); }
  // The last batch, with this outcome.
  void answer(AppendKind kind, SqlState sqlstate = {}) {
    appends_answered_ = appends();
    const Append last = effects_.messages<Append>(ActorId::committer).back();
    if (kind == AppendKind::committed) keep(*last.request);
    tell(AppendAnswer{last.generation, {kind, "as the test wants it", sqlstate}});
    writer_.round_done(effects_);
  }
  // Nothing that was looked up is in the ledger.
  void find_nothing() {
    const auto asked = effects_.messages<FindSeals>(ActorId::steward);
    if (asked.size() == looked_up_) return;
    looked_up_ = asked.size();
    tell(FindAnswer{std::vector<FoundSeal>(asked.back().seal_ids.size())});
    writer_.round_done(effects_);
  }
  void keep(const AppendRequest& request) {
    std::vector<Tile> finished;
    for (const Entry& entry : request.batch.entries) stored_.edge.append(entry.entry_hash, finished);
    stored_.head = request.next;
  }
  // The batch in doubt is in the ledger, and a new session is there.
  void resolve_committed(std::int64_t epoch) {
    keep(*effects_.messages<Resolve>(ActorId::steward).back().request);
    ResolveAnswer resolved;
    resolved.outcome.kind = ResolveKind::committed;
    resolved.outcome.epoch = epoch;
    tell(std::move(resolved));
  }

  // "1" for a receipt of sequence 1, else the error's code; by ticket.
  std::map<Ticket, std::string> answers() const {
    std::map<Ticket, std::string> by_ticket;
    for (const auto& sent : effects_.messages<SealAnswers>(ActorId::gateway)) {
      for (const SealAnswer& answer : sent.answers) {
        if (answer.ticket == 0) continue;  // nobody waits for it
        EXPECT_FALSE(by_ticket.contains(answer.ticket)) << "answered twice";
        if (answer.receipts && answer.receipts->empty()) {  // of ingest: the publisher tells
          by_ticket[answer.ticket] = "taken";
          continue;
        }
        by_ticket[answer.ticket] = answer.receipts ? std::to_string(answer.receipts->front().entry.sequence)
                                   : answer.receipts.error().code == ErrorCode::unavailable
                                       ? "unavailable"
                                       : answer.receipts.error().message;
      }
    }
    return by_ticket;
  }
  std::size_t leases_asked() const { return effects_.messages<TakeLease>(ActorId::steward).size(); }
  void fire_timers() {
    const auto due = std::exchange(effects_.timers, {});
    for (const auto& [id, at] : due) {
      effects_.time = std::max(effects_.time, at);
      tell(TimerFired{id});
    }
  }
  std::set<std::string> alerts() const {
    std::set<std::string> raised;
    for (const auto& message : effects_.messages<AlertMessage>(ActorId::gateway)) {
      if (message.alert.raised) {
        raised.insert(message.alert.kind);
      } else {
        raised.erase(message.alert.kind);
      }
    }
    return raised;
  }

  RecordedEffects effects_;
  Writer writer_{WriterOptions{}};
  LedgerState stored_;
  std::size_t looked_up_ = 0, appends_answered_ = 0;
};

// A session whose last commit was in doubt may end after the one that follows it has been handed out, and the two words
// cross. The writer cannot tell; it takes the lease once more, and that is all.
TEST_F(WriterLeaseTest, EndOfTheSessionBeforeCostsAReconnectAndNothingElse) {
  activate(1);
  order(1);
  writer_.round_done(effects_);
  answer(AppendKind::in_doubt);
  resolve_committed(2);
  order(2);
  tell(SessionLost{});
  writer_.round_done(effects_);
  EXPECT_EQ(answers(), (std::map<Ticket, std::string>{{1, "1"}, {2, "unavailable"}}));
  EXPECT_EQ(appends(), 1U) << "what was refused must never have gone to the database";
  EXPECT_EQ(alerts(), std::set<std::string>{"database"});
  fire_timers();
  EXPECT_EQ(leases_asked(), 1U);
  activate(3);
  order(3);
  writer_.round_done(effects_);
  const AppendRequest next = *effects_.messages<Append>(ActorId::committer).back().request;
  EXPECT_EQ(next.epoch, 3);
  EXPECT_EQ(next.expected, stored_.head);
  answer(AppendKind::committed);
  EXPECT_EQ(answers(), (std::map<Ticket, std::string>{{1, "1"}, {2, "unavailable"}, {3, "2"}}));
  EXPECT_EQ(alerts(), std::set<std::string>{});
}

// A batch that flies on the new session is left alone: its own outcome tells how that one fares.
TEST_F(WriterLeaseTest, EndOfTheSessionBeforeDoesNotTouchABatchInTheAir) {
  activate(1);
  order(1);
  writer_.round_done(effects_);
  answer(AppendKind::in_doubt);
  tell(SessionLost{});  // in its time
  resolve_committed(2);
  order(2);
  writer_.round_done(effects_);
  tell(SessionLost{});  // late
  answer(AppendKind::committed);
  EXPECT_EQ(answers(), (std::map<Ticket, std::string>{{1, "1"}, {2, "2"}}));
  fire_timers();
  EXPECT_EQ(leases_asked(), 0U);
}

// Nor does it count while the tree is being adopted. If it was the new one, the next batch finds out.
TEST_F(WriterLeaseTest, SessionThatEndsDuringAdoptionIsNoticedByTheNextBatch) {
  grant_lease(1);
  tell(SessionLost{});
  tell(Adopted{1, Adopted::Outcome::agreed, {}, {}});
  order(1);
  writer_.round_done(effects_);
  EXPECT_EQ(appends(), 1U);
  answer(AppendKind::failed);
  EXPECT_EQ(answers(), (std::map<Ticket, std::string>{{1, "unavailable"}}));
  fire_timers();
  EXPECT_EQ(leases_asked(), 1U);
}

TEST_F(WriterLeaseTest, LedgerThatCannotBeReadIsNotCalledTampered) {
  tell(LeaseAnswer{LeaseUnreadable{"database: SQLSTATE XX001: invalid page in block 7"}});
  EXPECT_EQ(alerts(), std::set<std::string>{"unreadable"});
  const WriterStatus status = effects_.messages<WriterStatus>(ActorId::gateway).back();
  EXPECT_FALSE(status.ready);
  EXPECT_TRUE(status.settled);
  EXPECT_NE(status.detail.find("invalid page in block 7"), std::string::npos);
  order(1);
  writer_.round_done(effects_);
  EXPECT_EQ(answers(), (std::map<Ticket, std::string>{{1, "unavailable"}}));
  fire_timers();
  EXPECT_EQ(leases_asked(), 1U);
  activate(1);  // somebody has mended it
  EXPECT_EQ(alerts(), std::set<std::string>{});
  tell(LeaseAnswer{Error{ErrorCode::internal, "the stored ledger does not fit together", {}}});
  EXPECT_EQ(alerts(), std::set<std::string>{}) << "an answer that nobody waits for";
}

TEST_F(WriterLeaseTest, LedgerThatDoesNotFitTogetherIsCalledTampered) {
  tell(LeaseAnswer{Error{ErrorCode::internal, "the stored ledger does not fit together: entry 7 is missing", {}}});
  EXPECT_EQ(alerts(), std::set<std::string>{"tamper"});
}

// A schema that does not fit is the operator's.
TEST_F(WriterLeaseTest, DatabaseThatDoesNotFitIsNotCalledTampered) {
  tell(LeaseAnswer{Error{ErrorCode::invalid_argument, "the database's schema is at version 1, 3 is needed", {}}});
  EXPECT_EQ(alerts(), std::set<std::string>{"configuration"});
  EXPECT_FALSE(effects_.messages<WriterStatus>(ActorId::gateway).back().settled);
}

// Not a hundred times a second, each with an epoch, a connection, and an alert that comes and goes.
TEST_F(WriterLeaseTest, WhatFailsInTheSameWayIsTriedAgainLaterAndLater) {
  std::vector<std::int64_t> delays;
  for (std::int64_t epoch = 1; epoch <= 9; ++epoch) {
    activate(epoch);
    EXPECT_EQ(alerts().contains("database"), epoch > 2) << epoch;  // it is not over because a lease was granted
    order(static_cast<Ticket>(epoch));
    writer_.round_done(effects_);
    answer(AppendKind::failed);
    const auto before = effects_.time;
    fire_timers();
    delays.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(effects_.time - before).count());
  }
  EXPECT_EQ(delays, (std::vector<std::int64_t>{250, 250, 400, 800, 1600, 3200, 5000, 5000, 5000}));
  activate(10);
  order(10);
  writer_.round_done(effects_);
  answer(AppendKind::committed);
  EXPECT_EQ(alerts(), std::set<std::string>{});
}

// Sealing stops with the promise by name, and goes on by itself.
TEST_F(WriterLeaseTest, ServerThatWouldForgetStopsSealingUntilItIsMended) {
  activate(1);
  order(1);
  writer_.round_done(effects_);
  answer(AppendKind::not_durable);
  EXPECT_EQ(answers(), (std::map<Ticket, std::string>{{1, "unavailable"}}));
  EXPECT_EQ(alerts(), std::set<std::string>{"database"});
  for (int i = 0; i < 2; ++i) {
    fire_timers();
    tell(LeaseAnswer{LeaseNotDurable{"fsync is off"}});
    const WriterStatus status = effects_.messages<WriterStatus>(ActorId::gateway).back();
    EXPECT_EQ(status.detail, "fsync is off");
    EXPECT_FALSE(status.ready);
  }
  EXPECT_EQ(effects_.messages<AlertMessage>(ActorId::gateway).back().alert.message, "fsync is off");
  EXPECT_EQ(effects_.messages<AlertMessage>(ActorId::gateway).size(), 2U);
  fire_timers();
  activate(2);
  EXPECT_EQ(alerts(), std::set<std::string>{});
  // A renewal finds it out where nothing is being sealed.
  tell(LeaseRenewed{2, LeaseRenewal{effects_.now(), "fsync is off", 0, false, {}}});
  EXPECT_EQ(alerts(), std::set<std::string>{"database"});
}

// Whoever planted the row is not one of those who wait.
TEST_F(WriterLeaseTest, RowInTheWayIsTamperingAndNobodysSealIsRefused) {
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
TEST_F(WriterLeaseTest, CommitThatFailsIsOneAlertUntilOneIsDone) {
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

// And between the tries nobody hears that all is well, or another reason.
TEST_F(WriterLeaseTest, LeaseAfterACommitThatFailedIsOnTrial) {
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

// Where nobody seals, nobody can show that it works: after a while without another failure it is believed to.
TEST_F(WriterLeaseTest, TrialEndsByItself) {
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

// The next lease says nothing of a head that somebody moves again and again.
TEST_F(WriterLeaseTest, WhoWasFencedSaysSoUntilItHasSealedAgain) {
  activate(1);
  order(1);
  writer_.round_done(effects_);
  answer(AppendKind::head_moved);
  EXPECT_EQ(alerts(), std::set<std::string>{"fenced"});
  fire_timers();
  activate(2);
  EXPECT_EQ(alerts(), std::set<std::string>{"fenced"});
  order(2);
  writer_.round_done(effects_);
  answer(AppendKind::committed);
  EXPECT_EQ(alerts(), std::set<std::string>{});
}

// vaultd and its database on one machine: both clocks leap.
TEST_F(WriterLeaseTest, LeapOfBothClocksIsNotSealed) {
  activate(1);
  const auto leap = [&](std::int64_t seconds) {
    effects_.wall_offset += seconds * 1'000'000;
    tell(LeaseRenewed{1, LeaseRenewal{effects_.now(), std::nullopt, 0, false, {}}});
  };
  order(1);
  writer_.round_done(effects_);
  answer(AppendKind::committed);
  leap(365 * 86'400);
  order(2);
  writer_.round_done(effects_);
  EXPECT_EQ(appends(), 1U);
  EXPECT_EQ(answers()[2], "unavailable");
  EXPECT_EQ(alerts(), std::set<std::string>{"clock"});
  leap(-365 * 86'400);
  order(3);
  writer_.round_done(effects_);
  answer(AppendKind::committed);
  EXPECT_EQ(answers()[3], "2");
  EXPECT_EQ(alerts(), std::set<std::string>{});
}

// The clock was wrong when it was sealed by.
TEST_F(WriterLeaseTest, TimestampsThatWaitForTheClockAreTold) {
  stored_.head.timestamp.micros = effects_.now().micros + 3'600'000'000;
  activate(1);
  order(1);
  writer_.round_done(effects_);
  answer(AppendKind::committed);
  EXPECT_EQ(answers()[1], "1");
  EXPECT_EQ(alerts(), std::set<std::string>{"clock"});
  effects_.time += std::chrono::hours(1);
  tell(LeaseRenewed{1, LeaseRenewal{effects_.now(), std::nullopt, 0, false, {}}});
  fire_timers();
  EXPECT_EQ(alerts(), std::set<std::string>{});
}

// The keeper hears at once that there is nothing to renew any more.
TEST_F(WriterLeaseTest, LeaseIsKeptOnlyWhileItIsHeld) {
  const auto kept = [&] { return effects_.messages<KeepLease>(ActorId::lease_keeper).back().epoch; };
  activate(1);
  EXPECT_EQ(kept(), 1);
  order(1);
  writer_.round_done(effects_);
  answer(AppendKind::in_doubt);
  EXPECT_EQ(kept(), 0);
  resolve_committed(2);
  EXPECT_EQ(kept(), 2);
  tell(LeaseRenewed{1, fail(ErrorCode::forbidden, "of the epoch before")});
  EXPECT_EQ(kept(), 2);
  tell(LeaseRenewed{2, fail(ErrorCode::forbidden, "taken")});
  EXPECT_EQ(kept(), 0);
  EXPECT_EQ(alerts(), std::set<std::string>{"fenced"});
}

// A constraint that somebody has added refuses everything, and that is no seal's fault: nothing of ingest is dropped
// for it, and nobody is told that his seal is bad.
TEST_F(WriterLeaseTest, DatabaseThatRefusesEverythingIsNoSealsFault) {
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

// One that is refused while others are committed is at fault itself.
TEST_F(WriterLeaseTest, SealThatAloneIsRefusedIsRefusedOnceAnotherIsTaken) {
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

// Where there is no other to compare it with, a request hears that it was refused, and what came by ingest waits.
TEST_F(WriterLeaseTest, SealThatIsRefusedWithNobodyBesideItWaitsForAnother) {
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

// A failure at COMMIT itself: one may be a connection's, each is a state.
TEST_F(WriterLeaseTest, CommitsThatEndInDoubtAgainAndAgainAreAnAlertAndWait) {
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

// Somebody else writes now: that this one was fenced is over.
TEST_F(WriterLeaseTest, WhoWasFencedAndStandsByNowSaysNoMoreOfIt) {
  activate(1);
  order(1);
  writer_.round_done(effects_);
  answer(AppendKind::head_moved);
  EXPECT_EQ(alerts(), std::set<std::string>{"fenced"});
  fire_timers();
  LeaseHeld held;
  held.holder = "another";
  held.head = stored_.head;
  tell(LeaseAnswer{std::move(held)});
  EXPECT_EQ(alerts(), std::set<std::string>{});
}

// Guards are looked at while it writes, too.
TEST_F(WriterLeaseTest, GuardThatIsTakenAwayUnderAWriterIsToldAndItsReturnToo) {
  activate(1);
  LeaseRenewal renewal{effects_.now(), std::nullopt, 0, true, "a trigger is disabled"};
  tell(LeaseRenewed{1, renewal});
  EXPECT_EQ(alerts(), std::set<std::string>{"tamper"});
  tell(LeaseRenewed{1, LeaseRenewal{effects_.now(), std::nullopt, 0, false, std::nullopt}});
  EXPECT_EQ(alerts(), std::set<std::string>{"tamper"}) << "not looked at this time";
  renewal.missing_guard.reset();
  tell(LeaseRenewed{1, renewal});
  EXPECT_EQ(alerts(), std::set<std::string>{});
}

}  // namespace
}  // namespace vault
