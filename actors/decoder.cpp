#include "actors/decoder.hpp"

#include <utility>

namespace vault {

void Decoder::handle(Message message, Effects& effects) {
  receive<DecoderInbox>(std::move(message), [&](DecodeTask& task) {
    effects.send(to::gateway, DecodeAnswer{task.ticket, decode_request(*task.body, task.limits)});
  });
}

}  // namespace vault
