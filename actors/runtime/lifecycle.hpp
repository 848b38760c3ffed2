// The life cycle of actors: the messages between a shell and its supervisor over their PAIR, each as an owned frame
// (owned_frame.hpp).
#pragma once

#include <string>
#include <variant>

#include "actors/actor.hpp"
#include "ledger/result.hpp"

namespace vault {

// --- shell -> supervisor ---------------------------------------------------------------------------------------------

// Its ports are open, and its actors are about to start. This or ShellFailed comes first.
struct ShellReady {};
// Its ports could not be opened, or its thread has ended unexpectedly; all its actors have ended with it.
struct ShellFailed {
  Error error;
};
// The configuration does not fit the contents of the database.
struct ConfigurationRefused {
  std::string reason;  // for people
};
// The actor was asked to stop, and has nothing left to finish.
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
