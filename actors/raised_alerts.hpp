// The alerts that stand, combined from what all actors raise and clear. A kind stands as long as any of its causes
// does: one actor clearing its alert says nothing about another's.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "ledger/timestamp.hpp"
#include "wire/event.hpp"

namespace vault {

class RaisedAlerts {
 public:
  // True if it should be announced: it is raised, or nothing of its kind stands any more. `now`: since when it stands,
  // if it did not before.
  bool note(const Alert& alert, Timestamp now = {}) {
    if (alert.raised) {
      auto& one = causes_[alert.kind].try_emplace(alert.cause, Standing{{}, now}).first->second;
      // The first finding is where to look; later ones are on the events socket.
      if (one.alert.sequence == 0) one.alert = alert;
      one.alert.severity = alert.severity;
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
  // The worst severity of each kind's causes.
  std::map<std::string, Severity> severities() const {
    std::map<std::string, Severity> worst;
    for (const auto& [kind, causes] : causes_) {
      for (const auto& [cause, one] : causes) worst[kind] = std::max(worst[kind], one.alert.severity);
    }
    return worst;
  }

  struct Standing {
    Alert alert;
    Timestamp since;
  };
  // Critical alerts first, then by age, oldest first.
  std::vector<Standing> standing() const {
    std::vector<Standing> all;
    for (const auto& [kind, causes] : causes_) {
      for (const auto& [cause, one] : causes) all.push_back(one);
    }
    std::stable_sort(all.begin(), all.end(), [](const Standing& a, const Standing& b) {
      if (a.alert.severity != b.alert.severity) return a.alert.severity > b.alert.severity;
      return a.since.micros < b.since.micros;
    });
    return all;
  }

 private:
  std::map<std::string, std::map<std::string, Standing>> causes_;  // by kind, by cause; never empty
};

}  // namespace vault
