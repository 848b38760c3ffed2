// A writer whose database answers as the test wants.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "actors/writer.hpp"
#include "os/log.hpp"
#include "tests/unit/actors/recorded_effects.hpp"

namespace vault {

class WriterLeaseTest : public ::testing::Test {
 protected:
  void SetUp() override { writer_.start(effects_); }

  void tell(Message message) { writer_.handle(std::move(message), effects_); }

  // With the state that the database has by now.
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
  // Answers the last batch with this outcome.
  void answer(AppendKind kind, SqlState sqlstate = {}) {
    appends_answered_ = appends();
    const Append last = effects_.messages<Append>(ActorId::committer).back();
    if (kind == AppendKind::committed) keep(*last.request);
    tell(AppendAnswer{last.generation, {kind, "as the test wants it", sqlstate}});
    writer_.round_done(effects_);
  }
  // The look-up found nothing in the ledger.
  void find_nothing() {
    const auto asked = effects_.messages<FindSeals>(ActorId::coordinator);
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
    keep(*effects_.messages<Resolve>(ActorId::coordinator).back().request);
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
        if (answer.receipts && answer.receipts->empty()) {  // for ingest, the publisher reports
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
  std::size_t leases_asked() const { return effects_.messages<TakeLease>(ActorId::coordinator).size(); }
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

  // Records the log from now on, one line each: "error fenced again reason=...".
  static void record_log() {
    log_lines().clear();
    set_log_sink([](const LogLine& line) {
      std::string text = line.level == LogLevel::error ? "error " : line.level == LogLevel::info ? "info " : "";
      text += line.message;
      for (const LogField& field : line.fields) text += " " + std::string(field.key) + "=" + field.value;
      log_lines().push_back(std::move(text));
    });
  }
  static std::vector<std::string>& log_lines() {
    static std::vector<std::string> lines;
    return lines;
  }
  void TearDown() override { set_log_sink(nullptr); }

  RecordedEffects effects_;
  Writer writer_{WriterOptions{}};
  LedgerState stored_;
  std::size_t looked_up_ = 0, appends_answered_ = 0;
};

}  // namespace vault
