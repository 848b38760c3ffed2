// The alerts that one actor has raised: told once when raised and once when over.
#pragma once

#include <map>
#include <string>

#include "actors/actor.hpp"

namespace vault {

class AlertBoard {
 public:
  // `owner`: the actor's name, for the log.
  explicit AlertBoard(std::string owner) : owner_(std::move(owner)) {}

  // Tells it where it is not raised yet.
  void raise(const std::string& kind, Severity severity, const std::string& message, Effects& effects);
  void clear(const std::string& kind, Effects& effects);
  bool raised(const std::string& kind) const { return raised_.contains(kind); }

 private:
  std::string owner_;
  std::map<std::string, std::string> raised_;  // message by kind
};

}  // namespace vault
