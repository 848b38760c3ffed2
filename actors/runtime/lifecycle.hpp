// The life cycle of actors: what a shell and its supervisor tell each other over their PAIR, each as an owned frame
// (owned_frame.hpp).
#pragma once

#include <string>
#include <variant>

#include "actors/actor.hpp"

namespace vault {

// --- shell -> supervisor ---------------------------------------------------------------------------------------------

// Its ports are open, and its actors are about to start. This or ShellFailed comes first.
struct ShellReady {};
// Its thread has ended by itself, and all its actors with it.
struct ShellFailed {
  std::string reason;  // for people
};
// The configuration cannot work with what the database holds.
struct ConfigurationRefused {
  std::string reason;  // for people
};
// It was told to stop, and has nothing left to finish.
struct ActorStopped {
  ActorId actor;
};
// The answer to a Ping.
struct Pong {};
using LifecycleReport = std::variant<ShellReady, ShellFailed, ConfigurationRefused, ServiceState, ActorStopped, Pong>;

// --- supervisor -> shell ---------------------------------------------------------------------------------------------

struct StopActor {
  ActorId actor;
};
// Asks for a sign of life.
struct Ping {};
using LifecycleOrder = std::variant<StopActor, Ping>;

}  // namespace vault
