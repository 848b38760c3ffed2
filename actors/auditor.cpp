#include "actors/auditor.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "actors/log.hpp"

namespace vault {

using std::chrono::milliseconds;

namespace {

// A second each: so long a database may fail with what may pass by itself.
constexpr int patience_steps = 60;

}  // namespace

void Auditor::start(Effects& effects) {
  if (options_.rows_per_second > 0) effects.set_timer(0, milliseconds(1'000));
}

void Auditor::handle(Message message, Effects& effects) {
  if (const auto* checkpoint = std::get_if<CheckpointSigned>(&message)) {
    known_ = Checkpoint{checkpoint->checkpoint.origin, static_cast<std::uint64_t>(checkpoint->checkpoint.tree_size),
                        checkpoint->checkpoint.root};
  } else if (std::holds_alternative<TimerFired>(message)) {
    audit_some(effects);
    effects.set_timer(0, milliseconds(1'000));
  }
}

void Auditor::audit_some(Effects& effects) {
  const auto report = next_step();
  if (!report) {
    tell_unreadable(report.error(), effects);
    return;
  }
  failures_ = 0;
  if (unreadable_) {
    unreadable_ = false;
    effects.alert({.kind = "audit", .severity = Severity::info, .message = "over", .raised = false});
  }
  if (!report->finding) {
    resume_ = reached_ ? std::optional(report->end) : std::nullopt;
    return;
  }
  const Finding& finding = *report->finding;
  resume_.reset();
  if (alerted_sequence_ == finding.sequence) return;
  alerted_sequence_ = finding.sequence;
  Alert alert;
  alert.kind = "tamper";
  alert.severity = Severity::critical;
  alert.sequence = finding.sequence;
  alert.reason = std::string(finding_name(finding.reason));
  alert.message =
      "entry " + std::to_string(finding.sequence) + " does not verify: " + alert.reason + ". " + finding.detail;
  log_error("auditor", "tampering found", {{"sequence", std::to_string(finding.sequence)}, {"reason", alert.reason}});
  effects.alert(std::move(alert));
}

// The rows of one second; sets reached_ where more are left for the next.
Result<VerifyReport> Auditor::next_step() {
  std::int64_t head = 0;
  {
    auto snapshot = store_.snapshot();
    if (!snapshot) return tl::unexpected(snapshot.error());
    const auto stored = (*snapshot)->head();
    if (!stored) return tl::unexpected(stored.error());
    head = stored->sequence;
  }
  VerifyRequest request;
  request.resume = resume_;
  const std::int64_t from = resume_ ? resume_->head.sequence + 1 : 1;
  const auto rate = static_cast<std::int64_t>(options_.rows_per_second);
  if (from <= head) request.from = from;
  if (head - from >= rate) {
    request.to = from + rate - 1;
  } else if (known_) {
    request.known.push_back(*known_);  // the last step of a round looks at the end as well
  }
  if (from > head) request.resume.reset();
  reached_ = request.to.has_value();
  return verify_ledger(store_, request, {});
}

// What cannot be read cannot be verified. A database that is away is for the writer to tell of.
void Auditor::tell_unreadable(const Error& error, Effects& effects) {
  ++failures_;
  if (unreadable_ || (error.code != ErrorCode::internal && failures_ < patience_steps)) return;
  unreadable_ = true;
  const std::int64_t from = resume_ ? resume_->head.sequence + 1 : 1;
  Alert alert;
  alert.kind = "audit";
  alert.severity = Severity::critical;
  alert.message = "the ledger cannot be verified from entry " + std::to_string(from) + " on: " + error.message;
  log_error("auditor", "the ledger cannot be verified", {{"from", std::to_string(from)}, {"reason", error.message}});
  effects.alert(std::move(alert));
}

}  // namespace vault
