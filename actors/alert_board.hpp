// The alerts that one actor has raised: told once when raised and once when over.
//
// What is alerted has a kind, which is what people are told, and a cause, which is what must be done again before it is
// over: "checkpoint" may be raised because none can be signed, and because none can be stored. A kind is over when each
// of its causes is (raised_alerts.hpp does that sum over all actors).
#pragma once

#include <map>
#include <string>
#include <utility>

#include "actors/actor.hpp"

namespace vault {

class AlertBoard {
 public:
  // `owner`: the actor's name, for the log, and so that causes of two actors are two.
  explicit AlertBoard(std::string owner) : owner_(std::move(owner)) {}

  // Tells it where it is not raised yet.
  void raise(const std::string& kind, const std::string& cause, Severity severity, const std::string& message,
             Effects& effects);
  // Tells it also where it is raised with another message: for what has one state out of several.
  void raise_as(const std::string& kind, const std::string& cause, Severity severity, const std::string& message,
                Effects& effects);
  void clear(const std::string& kind, const std::string& cause, Effects& effects);
  bool raised(const std::string& kind, const std::string& cause) const { return raised_.contains({kind, cause}); }

 private:
  std::string owner_;
  std::map<std::pair<std::string, std::string>, std::string> raised_;  // message by kind and cause
};

}  // namespace vault
