// The alerts that one actor has raised: each is announced once when raised and once when over.
//
// An alert has a kind, which is what people see, and a cause, which must be resolved before the alert is over:
// "checkpoint" may be raised because none can be signed, and because none can be stored. A kind is over when all of its
// causes are (raised_alerts.hpp combines them over all actors).
#pragma once

#include <map>
#include <string>
#include <utility>

#include "actors/actor.hpp"

namespace vault {

class AlertBoard {
 public:
  // `owner`: the actor's name, for the log, and to keep causes of different actors apart.
  explicit AlertBoard(std::string owner) : owner_(std::move(owner)) {}

  // Announces the alert if it is not raised yet.
  void raise(const std::string& kind, const std::string& cause, Severity severity, const std::string& message,
             Effects& effects);
  // Announces the alert also if it is raised with another message: for a cause with several states.
  void raise_as(const std::string& kind, const std::string& cause, Severity severity, const std::string& message,
                Effects& effects);
  // Announces the alert each time: for separate findings, and for alerts worth repeating. The board sets `raised` and
  // `cause`.
  void report(Alert alert, const std::string& cause, Effects& effects);
  // Does nothing if the alert is not raised. `message`: what ended it.
  void clear(const std::string& kind, const std::string& cause, Effects& effects, const std::string& message = "over");
  bool raised(const std::string& kind, const std::string& cause) const { return raised_.contains({kind, cause}); }

 private:
  std::string owner_;
  std::map<std::pair<std::string, std::string>, std::string> raised_;  // message by kind and cause
};

}  // namespace vault
