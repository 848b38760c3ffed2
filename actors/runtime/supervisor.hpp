// The supervisor starts the actors, receives their reports, checks that they are alive, and stops them in the order in
// which work flows, so that nothing accepted is left behind.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "actors/runtime/shell.hpp"

namespace vault {

class Supervisor {
 public:
  // `busy_poll`: for every shell.
  explicit Supervisor(zmq::context_t& context, std::chrono::microseconds busy_poll = {})
      : context_(context), busy_poll_(busy_poll) {}

  // Starts actors in one thread and waits until it is ready. `open_ports` are the first actor's. Everything else about
  // them is in topology.hpp; `waits` overrides the table's value for the first. Errors: those of `open_ports` (an
  // endpoint that cannot be bound, say); internal if the thread fails.
  Status start(const std::vector<NamedActor>& actors, OpenPorts open_ports = {},
               std::optional<bool> waits = std::nullopt);

  // Everything reported since the last call. Waits at most `timeout`, or until `wake_fd` (a signalfd) is readable.
  struct Report {
    std::optional<std::string> failed;         // an actor ended unexpectedly: vaultd must end
    std::optional<std::string> configuration;  // vaultd must end with exit code 2
    std::optional<ServiceState> state;         // the latest one reported by the gateway
    bool woken = false;
  };
  Report listen(std::chrono::milliseconds timeout, int wake_fd);

  // Asks every actor for a sign of life. True if all that must answer have done so within `patience`.
  void ping();
  bool all_alive(std::chrono::milliseconds patience) const;

  // Stops rank after rank. True if all ended within `timeout`; otherwise what is left must be abandoned with the
  // process.
  bool stop(std::chrono::milliseconds timeout);

 private:
  struct ActorThread {
    std::unique_ptr<Shell> shell;
    std::vector<ActorId> running;  // have not stopped yet
    bool waits = false;            // for the database, perhaps for a while, so it is not pinged
    std::chrono::steady_clock::time_point last_pong;
  };
  void hear(ActorThread& host, LifecycleReport& heard, Report& report);

  zmq::context_t& context_;
  const std::chrono::microseconds busy_poll_;
  std::vector<ActorThread> threads_;
};

}  // namespace vault
