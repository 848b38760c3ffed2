// Decodes large messages in a thread of its own, one after another, while the sealing thread goes on with what others
// ask. The gateway sends one at a time: whose turn it is, and how many may wait, is the gateway's to decide.
#pragma once

#include "actors/actor.hpp"

namespace vault {

class Decoder final : public Actor {
 public:
  // DecodeTask; answered by a DecodeAnswer. Cost: some 7 ms a MiB where the payload is made of small values.
  void handle(Message message, Effects& effects) override;
};

}  // namespace vault
