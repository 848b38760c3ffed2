// Which alerts stand, out of what all actors raise and clear. A kind stands as long as one of its causes does: that one
// actor is content says nothing of what another has seen.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "wire/event.hpp"

namespace vault {

class RaisedAlerts {
 public:
  // True where it is to be told: it is raised, or nothing of its kind stands any more.
  bool note(const Alert& alert) {
    if (alert.raised) {
      causes_[alert.kind][alert.cause] = alert.severity;
      return true;
    }
    const auto kind = causes_.find(alert.kind);
    if (kind == causes_.end() || kind->second.erase(alert.cause) == 0 || !kind->second.empty()) return false;
    causes_.erase(kind);
    return true;
  }

  // In alphabetical order.
  std::vector<std::string> kinds() const {
    std::vector<std::string> names;
    for (const auto& [kind, causes] : causes_) names.push_back(kind);
    return names;
  }
  // The worst of each kind's causes.
  std::map<std::string, Severity> severities() const {
    std::map<std::string, Severity> worst;
    for (const auto& [kind, causes] : causes_) {
      for (const auto& [cause, severity] : causes) worst[kind] = std::max(worst[kind], severity);
    }
    return worst;
  }

 private:
  std::map<std::string, std::map<std::string, Severity>> causes_;  // by kind; never empty
};

}  // namespace vault
