#include "actors/alert_board.hpp"

#include "os/log.hpp"

namespace vault {

void AlertBoard::raise(const std::string& kind, const std::string& cause, Severity severity, const std::string& message,
                       Effects& effects) {
  if (!raised(kind, cause)) raise_as(kind, cause, severity, message, effects);
}

void AlertBoard::raise_as(const std::string& kind, const std::string& cause, Severity severity,
                          const std::string& message, Effects& effects) {
  const auto known = raised_.find({kind, cause});
  if (known != raised_.end() && known->second == message) return;
  report({.kind = kind, .severity = severity, .message = message}, cause, effects);
}

void AlertBoard::report(Alert alert, const std::string& cause, Effects& effects) {
  raised_.insert_or_assign({alert.kind, cause}, alert.message);
  const LogLevel level = alert.severity == Severity::critical ? LogLevel::error : LogLevel::warning;
  if (alert.sequence > 0) {
    log(level, owner_, "alert raised",
        {{"kind", alert.kind}, {"sequence", alert.sequence}, {"finding", alert.reason}, {"reason", alert.message}},
        LogEvent::alert_raised);
  } else {
    log(level, owner_, "alert raised", {{"kind", alert.kind}, {"reason", alert.message}}, LogEvent::alert_raised);
  }
  alert.raised = true;
  alert.cause = owner_ + '/' + cause;
  effects.alert(std::move(alert));
}

void AlertBoard::clear(const std::string& kind, const std::string& cause, Effects& effects,
                       const std::string& message) {
  if (raised_.erase({kind, cause}) == 0) return;
  log_info(owner_, "alert cleared", {{"kind", kind}, {"cause", cause}}, LogEvent::alert_cleared);
  effects.alert(
      {.kind = kind, .severity = Severity::info, .message = message, .raised = false, .cause = owner_ + '/' + cause});
}

}  // namespace vault
