// The publisher turns messages into events on the PUB socket, in the order of their arrival.
//
// An entry that never became an event here (another vaultd sealed it meanwhile, or its commit was in doubt until the
// lease was taken anew) still counts in seq: a subscriber sees the gap, and reads what it missed.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "actors/actor.hpp"
#include "actors/raised_alerts.hpp"
#include "wire/event.hpp"

namespace vault {

class Publisher final : public Actor {
 public:
  explicit Publisher(bool publish_payloads) : publish_payloads_(publish_payloads) {}

  // Committed, IngestKept, IngestRefused, CheckpointSigned, AlertMessage, Heartbeat.
  void handle(Message message, Effects& effects) override;

 private:
  void on_committed(const Committed& committed, Effects& effects);
  void publish(Event event, Effects& effects);

  bool publish_payloads_;
  std::uint64_t seq_ = 0;
  std::int64_t last_entry_ = 0;  // its sequence; 0 before the first
  std::size_t told_bytes_ = 0;   // since the last report to the writer
  RaisedAlerts alerts_;
};

}  // namespace vault
