// Decodes large messages one after another on a thread of its own, while the sealing thread serves other peers. The
// gateway sends one at a time and decides whose turn it is, and how many may wait.
#pragma once

#include "actors/actor.hpp"

namespace vault {

class Decoder final : public Actor {
 public:
  // Answers a DecodeTask with a DecodeAnswer. Cost: some 7 ms per MiB if the payload consists of small values.
  void handle(Message message, Effects& effects) override;
};

}  // namespace vault
