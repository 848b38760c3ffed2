// The emergency mode's reader: answers what can be answered without a chain, and refuses the rest in words.
#pragma once

#include <string_view>

#include "actors/actor.hpp"
#include "store/emergency_store.hpp"
#include "wire/message.hpp"

namespace vault {

// Why `what` (an operation, or an argument) cannot be had in the emergency mode: unavailable, since it can be had again
// once vaultd runs on its database.
Error emergency_refusal(std::string_view what);

class EmergencyReader final : public Actor {
 public:
  // `store` outlives the reader and is used by its thread alone.
  EmergencyReader(ActorId id, EmergencyReaderStore& store) : id_(id), store_(store) {}

  // ReadTask -> ReadAnswer to the gateway.
  void handle(Message message, Effects& effects) override;

 private:
  Result<ReplyBody> run(const ReadTask& task);
  Result<ReplyBody> run_read(const ReadRequest& request);
  Result<ReplyBody> run_page(const PageRequest& request);
  void tell_problems(Effects& effects);

  ActorId id_;
  EmergencyReaderStore& store_;
};

}  // namespace vault
