// A writer whose session ends, or that gets no lease.
#include <gtest/gtest.h>

#include "tests/unit/actors/writer_lease_fixture.hpp"

namespace vault {
namespace {

// A session whose last commit was in doubt may end after the next one has been handed out, and the two messages cross.
// The writer cannot tell; it takes the lease once more, and that is all.
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

// A batch in flight on the new session is left alone: its own outcome shows whether that session is well.
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
  activate(1);  // somebody has fixed it
  EXPECT_EQ(alerts(), std::set<std::string>{});
  tell(LeaseAnswer{Error{ErrorCode::internal, "the stored ledger does not fit together", {}}});
  EXPECT_EQ(alerts(), std::set<std::string>{}) << "an answer that nobody waits for";
}

TEST_F(WriterLeaseTest, LedgerThatDoesNotFitTogetherIsCalledTampered) {
  tell(LeaseAnswer{Error{ErrorCode::internal, "the stored ledger does not fit together: entry 7 is missing", {}}});
  EXPECT_EQ(alerts(), std::set<std::string>{"tamper"});
}

// A schema that does not fit is for the operator to fix.
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

// Sealing stops, naming the promise, and resumes by itself.
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
  // A renewal finds out while nothing is being sealed.
  tell(LeaseRenewed{2, LeaseRenewal{effects_.now(), "fsync is off", 0, false, {}}});
  EXPECT_EQ(alerts(), std::set<std::string>{"database"});
}

TEST_F(WriterLeaseTest, ATakeoverSaysForHowLongTheFormerWriterWasSilent) {
  record_log();
  LeaseGrant grant;
  grant.epoch = 2;
  grant.database_now = effects_.now();
  grant.taken_from = LeaseHolder{"db1", 4711, 0};
  grant.silent_for = std::chrono::milliseconds(3'451);
  tell(LeaseAnswer{std::move(grant)});
  EXPECT_EQ(log_lines(),
            std::vector<std::string>{"info lease taken epoch=2 sequence=0 from=db1 (pid 4711), silent for 3.5 s"});
}

TEST_F(WriterLeaseTest, ThatItWasFencedIsSaidOnce) {
  activate(1);
  order(1);
  writer_.round_done(effects_);
  record_log();
  answer(AppendKind::head_moved);
  EXPECT_EQ(log_lines(),
            std::vector<std::string>{"error alert raised kind=fenced reason=fenced: as the test wants it"});
  fire_timers();
  activate(2);
  order(2);
  writer_.round_done(effects_);
  record_log();  // the alert stands
  answer(AppendKind::head_moved);
  EXPECT_EQ(log_lines(), std::vector<std::string>{"error fenced again reason=as the test wants it"});
}

// The next lease says nothing about a head that somebody moves again and again.
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

// The clock was wrong when it was used for sealing.
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

// The keeper is told at once that there is nothing left to renew.
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

// The writer checks them, and sees when they are repaired.
TEST_F(WriterLeaseTest, AStandbySaysNothingOfGuardsThatItSawMissing) {
  activate(1);
  tell(LeaseRenewed{1, LeaseRenewal{effects_.now(), std::nullopt, 0, true, "trigger a of b is gone"}});
  EXPECT_EQ(alerts(), std::set<std::string>{"tamper"});
  tell(LeaseRenewed{1, fail(ErrorCode::forbidden, "taken")});
  fire_timers();
  LeaseHeld held;
  held.holder = "another";
  held.head = stored_.head;
  tell(LeaseAnswer{std::move(held)});
  EXPECT_EQ(alerts(), std::set<std::string>{});
}

// Another vaultd writes now: the fencing of this one is over.
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

// Guards are checked while it writes, too.
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
