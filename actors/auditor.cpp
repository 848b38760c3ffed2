#include "actors/auditor.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "os/log.hpp"

namespace vault {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

// How long a database may fail with errors that may pass by themselves.
constexpr seconds patience{60};
// Anything missing at the end is checked again after this time before it is believed: a failover may be under way, or a
// prepared transaction may be waiting for its end.
constexpr seconds second_look{3};
constexpr seconds second_look_prepared{30};
constexpr seconds measure_interval{60};   // of the database's size, for which the server examines every file
constexpr std::size_t alerted_max = 100;  // findings that are not reported again

}  // namespace

void Auditor::start(Effects& effects) {
  if (options_.rows_per_second > 0) effects.set_timer(0, seconds(1));
}

void Auditor::handle(Message message, Effects& effects) {
  receive<AuditorInbox>(
      std::move(message), [&](CheckpointSigned& made) { known_ = made.checkpoint; },
      [&](TimerFired&) {
        const Status done = step(effects);
        effects.send(to::gateway, DatabaseSeen{done || done.error().code != ErrorCode::unavailable});
        if (!done) {
          report_unreadable(done.error(), effects);
        } else {
          report_readable(effects);
        }
        report_progress(effects);
        effects.set_timer(0, pace_.pause());
      });
}

Status Auditor::step(Effects& effects) {
  const auto end = check_ledger_end(store_, end_request());
  if (!end) return tl::unexpected(end.error());
  origin_ = end->origin;
  judge_end(*end, effects);
  pace_.saw_head(end->head, effects.clock());
  if (const Status walked = walk(*end, effects); !walked) return walked;
  // A replica that is merely late makes progress.
  const bool stuck = end->lagging && end->head == lagging_head_;
  lagging_head_ = end->lagging ? end->head : -1;
  if (!stuck) return {};
  return fail(ErrorCode::unavailable, "the database is a replica that stays behind what is known, at " +
                                          std::to_string(end->head) + " entries");
}

// Knowledge about a log identity that has since been abandoned is not what the ledger must contain now.
EndRequest Auditor::end_request() const {
  EndRequest request;
  if (known_ && (origin_.empty() || known_->origin == origin_)) request.known.push_back(*known_);
  if (newest_ && newest_origin_ == origin_) request.known_head = newest_;
  return request;
}

// A snapshot is consistent, so most findings at the end can be believed at once. Not so missing entries, nor anything
// right after the database was away.
void Auditor::judge_end(const EndReport& end, Effects& effects) {
  if (!end.finding) {
    suspected_.reset();
    after_outage_ = false;
    return;
  }
  round_clean_ = false;
  const Finding& finding = *end.finding;
  if (finding.reason == FindingReason::truncated || after_outage_) {
    const auto now = effects.clock();
    if (!suspected_ || suspected_->reason != finding.reason) suspected_since_ = now;
    suspected_ = finding;
    if (now - suspected_since_ < (end.prepared_open ? second_look_prepared : second_look)) return;
  }
  report(finding, effects);
}

// Verifies the next rows.
Status Auditor::walk(const EndReport& end, Effects& effects) {
  if (resume_ && resume_->head.sequence > end.head) {
    // There are fewer entries than before. The check of the end deals with that; the remaining rows are verified from
    // the start.
    resume_.reset();
    round_clean_ = false;
  }
  const std::int64_t from = resume_ ? resume_->head.sequence + 1 : 1;
  if (from > end.head) {
    end_round(end.head, effects);
    return {};
  }
  if (pace_.allowed() < 1) return {};
  const auto started = effects.clock();
  std::size_t bytes = 0;
  LedgerVerification request;
  request.rows_only = true;
  request.resume = resume_;
  request.from = from;
  request.to = end.head - from >= pace_.allowed() ? from + pace_.allowed() - 1 : end.head;
  request.sink = [&bytes](const Verifier& verifier) {
    bytes += verifier.leaf_data().size() + verifier.canonical().size();
    return Status{};
  };
  request.pause = [&](bool) {
    return bytes >= AuditPace::step_bytes_max || effects.clock() - started >= AuditPace::step_time_max;
  };
  auto rows = verify_ledger(store_, request, {});
  if (!rows) return tl::unexpected(rows.error());
  log_trace("auditor", "verified", {{"from", from}, {"entries", rows->checked}});
  pace_.verified(rows->checked, std::chrono::duration_cast<milliseconds>(effects.clock() - started));
  if (rows->finding) {
    const Finding& finding = *rows->finding;
    resume_.reset();
    round_clean_ = true;  // for the next round, which begins here
    // The check of the end deals with missing entries, in the next step.
    if (finding.reason != FindingReason::truncated) report(finding, effects);
    return {};
  }
  resume_ = std::move(rows->end);
  if (newest_origin_ != origin_ || !newest_ || newest_->sequence < resume_->head.sequence) {
    newest_ = resume_->head;
    newest_origin_ = origin_;
  }
  if (resume_->head.sequence == end.head) end_round(end.head, effects);
  return {};
}

void Auditor::report_progress(Effects& effects) {
  if (resume_) progress_.position = resume_->head.sequence;
  effects.send(to::gateway, progress_);
  if (!failing_since_) measure_database(effects);
}

void Auditor::measure_database(Effects& effects) {
  const auto now = effects.clock();
  if (measured_at_ && now - *measured_at_ < measure_interval) return;
  measured_at_ = now;
  const auto snapshot = store_.snapshot();
  if (!snapshot) return;
  const auto bytes = (*snapshot)->database_bytes();
  if (bytes && *bytes) {
    effects.send(to::gateway, Measured{{{"database_size_bytes", static_cast<double>(**bytes)}}});
  }
}

void Auditor::end_round(std::int64_t head, Effects& effects) {
  progress_ = {head, effects.clock()};
  resume_.reset();
  const bool clean = std::exchange(round_clean_, true) && !suspected_;
  if (!clean || alerted_.empty()) return;
  alerted_.clear();
  alerts_.clear(
      "tamper", "ledger", effects,
      "over: everything verifies again; a whole round over " + std::to_string(head) + " entries found no fault");
}

void Auditor::report(const Finding& finding, Effects& effects) {
  if (alerted_.size() == alerted_max || !alerted_.emplace(finding.sequence, finding.reason).second) return;
  Alert alert;
  alert.kind = "tamper";
  alert.severity = Severity::critical;
  alert.sequence = finding.sequence;
  alert.reason = std::string(finding_name(finding.reason));
  alert.message =
      "entry " + std::to_string(finding.sequence) + " does not verify: " + alert.reason + ". " + finding.detail;
  alerts_.report(std::move(alert), "ledger", effects);
}

// An unreadable entry cannot be verified. A lost database is reported by the writer.
void Auditor::report_unreadable(const Error& error, Effects& effects) {
  const auto now = effects.clock();
  after_outage_ = true;
  if (!failing_since_) failing_since_ = now;
  if (error.code != ErrorCode::internal && now - *failing_since_ < patience) return;
  const std::int64_t from = resume_ ? resume_->head.sequence + 1 : 1;
  alerts_.raise("audit", "reading", Severity::critical,
                "the ledger cannot be verified from entry " + std::to_string(from) + " on: " + error.message, effects);
}

void Auditor::report_readable(Effects& effects) {
  failing_since_.reset();
  alerts_.clear("audit", "reading", effects);
}

}  // namespace vault
