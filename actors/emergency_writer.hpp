// The emergency mode's writer: takes the writer's place, with the same orders from the gateway and the same answers,
// but keeps each seal as a file. No chain, no lease, no notary; the kept seals are imported later.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "actors/actor.hpp"
#include "actors/alert_board.hpp"
#include "store/emergency_store.hpp"

namespace vault {

class EmergencyWriter final : public Actor {
 public:
  // `store` outlives the writer and is used only by its thread. `place` is its name, for people.
  EmergencyWriter(EmergencyWriterStore& store, std::string place) : store_(store), place_(std::move(place)) {}

  void start(Effects& effects) override;
  void handle(Message message, Effects& effects) override;
  void round_done(Effects& effects) override;
  // True once everything is answered, or cannot be.
  bool stop(Effects& effects) override;

 private:
  enum Timer : int { probe_timer = 1, shout_timer };

  void take(SealOrder order, Effects& effects);
  void keep_some(Effects& effects);
  void answer(SealOrder order, Result<std::vector<KeptReceipt>> receipts, Effects& effects);
  void set_trouble(const std::string& trouble, Effects& effects);
  void shout(Effects& effects);
  void send_status(Effects& effects);

  EmergencyWriterStore& store_;
  std::string place_;
  std::deque<SealOrder> queue_;
  std::string trouble_;  // why nothing can be kept at the moment; "": it can
  std::map<std::string, std::int64_t> counters_;
  AlertBoard alerts_{"writer"};
  // Collected during this round.
  KeptAnswers answers_;
  IngestKept kept_;
  IngestRefused refused_;
};

}  // namespace vault
