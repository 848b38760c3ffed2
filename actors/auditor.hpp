// The auditor verifies the ledger over and over, at a bounded rate, and raises alert.tamper when something does not
// fit. Each step also checks the ledger's end: head, known checkpoints, rows where there must be none. The alert stays
// until a later round has gone through the whole ledger and found nothing. While it cannot read the ledger, it cannot
// verify it: alert.audit. Since it sees anyway that the readers' database is there, it says so to the gateway, so that
// no reader has to connect for that.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "actors/actor.hpp"
#include "actors/alert_board.hpp"
#include "actors/audit_pace.hpp"
#include "ledger/sequencer.hpp"
#include "store/end_check.hpp"
#include "store/store.hpp"
#include "store/verify.hpp"

namespace vault {

struct AuditorOptions {
  std::size_t rows_per_second = 2'000;  // at least; 0: never
};

class Auditor final : public Actor {
 public:
  // `store` outlives the auditor and is used only by its thread.
  Auditor(ReaderStore& store, const AuditorOptions& options)
      : store_(store), options_(options), pace_(options.rows_per_second) {}

  void start(Effects& effects) override;
  void handle(Message message, Effects& effects) override;

 private:
  using Time = std::chrono::steady_clock::time_point;

  Status step(Effects& effects);
  EndRequest end_request() const;
  void judge_end(const EndReport& end, Effects& effects);
  Status walk(const EndReport& end, Effects& effects);
  void report_progress(Effects& effects);
  void measure_database(Effects& effects);
  void end_round(std::int64_t head, Effects& effects);
  void report(const Finding& finding, Effects& effects);
  void report_unreadable(const Error& error, Effects& effects);
  void report_readable(Effects& effects);

  ReaderStore& store_;
  AuditorOptions options_;
  AuditPace pace_;
  std::optional<LedgerState> resume_;  // end of the last step; nullopt: at the beginning
  bool round_clean_ = true;            // nothing was found or suspected in this round
  std::optional<Checkpoint> known_;    // the newest checkpoint signed
  // The last verified entry, and its log identity: an identity accepted later may have fewer entries.
  std::optional<Head> newest_;
  std::string newest_origin_, origin_;

  std::optional<Finding> suspected_;  // a finding at the end, not believed yet
  Time suspected_since_{};
  bool after_outage_ = false;  // the database was away, and the end has not been good since
  std::set<std::pair<std::int64_t, FindingReason>> alerted_;  // findings of the raised alert

  std::int64_t lagging_head_ = -1;     // the head of a late replica; -1: none was late
  std::optional<Time> failing_since_;  // since when steps cannot read

  AlertBoard alerts_{"auditor"};
  AuditProgress progress_;
  std::optional<Time> measured_at_;  // the database's size
};

}  // namespace vault
