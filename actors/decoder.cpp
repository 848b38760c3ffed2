#include "actors/decoder.hpp"

#include <utility>

namespace vault {

void Decoder::handle(Message message, Effects& effects) {
  auto* task = std::get_if<DecodeTask>(&message);
  if (task == nullptr) return;
  auto request = decode_request(*task->body, task->limits);
  effects.send(ActorId::gateway, DecodeAnswer{task->ticket, std::move(request)});
}

}  // namespace vault
