#include "actors/auditor.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "actors/log.hpp"
#include "store/verify.hpp"

namespace vault {

using std::chrono::milliseconds;

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
  std::int64_t head = 0;
  if (auto snapshot = store_.snapshot()) {
    const auto stored = (*snapshot)->head();
    if (!stored) return;
    head = stored->sequence;
  } else {
    return;  // the database is away: the writer says so
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
  const auto report = verify_ledger(store_, request, {});
  if (!report) return;
  if (!report->finding) {
    resume_ = request.to ? std::optional(report->end) : std::nullopt;
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
  alert.message = "entry " + std::to_string(finding.sequence) + " does not verify: " + alert.reason + ". " +
                  finding.detail;
  log_error("auditor", "tampering found", {{"sequence", std::to_string(finding.sequence)}, {"reason", alert.reason}});
  effects.alert(std::move(alert));
}

}  // namespace vault
