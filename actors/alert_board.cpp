#include "actors/alert_board.hpp"

#include "actors/log.hpp"

namespace vault {

void AlertBoard::raise(const std::string& kind, Severity severity, const std::string& message, Effects& effects) {
  if (!raised_.emplace(kind, message).second) return;
  if (severity == Severity::critical) {
    log_error(owner_, "alert raised", {{"kind", kind}, {"reason", message}});
  } else {
    log_warning(owner_, "alert raised", {{"kind", kind}, {"reason", message}});
  }
  effects.alert({.kind = kind, .severity = severity, .message = message});
}

void AlertBoard::clear(const std::string& kind, Effects& effects) {
  if (raised_.erase(kind) == 0) return;
  log_info(owner_, "alert cleared", {{"kind", kind}});
  effects.alert({.kind = kind, .severity = Severity::info, .message = "over", .raised = false});
}

}  // namespace vault
