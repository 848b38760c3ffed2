#include "actors/alert_board.hpp"

#include "os/log.hpp"

namespace vault {

void AlertBoard::raise(const std::string& kind, const std::string& cause, Severity severity, const std::string& message,
                       Effects& effects) {
  if (!raised(kind, cause)) raise_as(kind, cause, severity, message, effects);
}

void AlertBoard::raise_as(const std::string& kind, const std::string& cause, Severity severity,
                          const std::string& message, Effects& effects) {
  const auto [known, is_new] = raised_.try_emplace({kind, cause}, message);
  if (!is_new && known->second == message) return;
  known->second = message;
  if (severity == Severity::critical) {
    log_error(owner_, "alert raised", {{"kind", kind}, {"reason", message}}, LogEvent::alert_raised);
  } else {
    log_warning(owner_, "alert raised", {{"kind", kind}, {"reason", message}}, LogEvent::alert_raised);
  }
  effects.alert({.kind = kind, .severity = severity, .message = message, .cause = owner_ + '/' + cause});
}

void AlertBoard::clear(const std::string& kind, const std::string& cause, Effects& effects) {
  if (raised_.erase({kind, cause}) == 0) return;
  log_info(owner_, "alert cleared", {{"kind", kind}, {"cause", cause}}, LogEvent::alert_cleared);
  effects.alert(
      {.kind = kind, .severity = Severity::info, .message = "over", .raised = false, .cause = owner_ + '/' + cause});
}

}  // namespace vault
