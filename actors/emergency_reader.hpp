// The emergency mode's reader: answers whatever can be answered without a chain, and refuses the rest with an
// explanation.
#pragma once

#include <string_view>

#include "actors/actor.hpp"
#include "actors/alert_board.hpp"
#include "store/emergency_store.hpp"
#include "wire/message.hpp"

namespace vault {

// The refusal of `what` (an operation, or an argument) in the emergency mode: `unavailable`, since it works again once
// vaultd runs on its database.
Error emergency_refusal(std::string_view what);

class EmergencyReader final : public Actor {
 public:
  // `store` outlives the reader and is used only by its thread.
  EmergencyReader(ActorId id, EmergencyReaderStore& store) : id_(id), store_(store) {}

  // ReadTask -> ReadAnswer to the gateway.
  void handle(Message message, Effects& effects) override;

 private:
  Result<ReplyBody> run(const ReadTask& task);
  Result<ReplyBody> run_read(const ReadRequest& request);
  Result<ReplyBody> run_page(const PageRequest& request);
  void report_problems(Effects& effects);

  ActorId id_;
  EmergencyReaderStore& store_;
  AlertBoard alerts_{"reader"};
};

}  // namespace vault
