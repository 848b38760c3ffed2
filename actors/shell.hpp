// The shell, one for all actors: it owns the thread, the sockets, the timers and the clock around a handler.
//
// Life cycle runs over a PAIR between the shell and its supervisor, in words:
//   shell -> supervisor: "ready", "failed <reason>", "configuration <reason>", "state <text>", "stopped", "pong"
//   supervisor -> shell: "stop", "ping"
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>
#include <zmq.hpp>

#include "actors/actor.hpp"

namespace vault {

// A socket to the outside that a shell polls besides its mailbox. Made, used and closed in the actor's thread.
struct Port {
  SocketKind kind = SocketKind::requests;
  zmq::socket_t socket;
  std::function<bool()> wanted = [] { return true; };  // polled for reading only while this says so
  std::vector<std::string> endpoints{};                // as bound
};

class Shell {
 public:
  // `open_ports` runs in the new thread and may throw zmq::error_t: the actor then reports "failed".
  // `context` and `actor` outlive the shell.
  Shell(zmq::context_t& context, ActorId id, Actor& actor,
        std::function<std::vector<Port>(zmq::context_t&)> open_ports = {});
  ~Shell();  // joins; tell it to stop first
  Shell(const Shell&) = delete;
  Shell& operator=(const Shell&) = delete;

  // The supervisor's end of the PAIR. Belongs to the thread that made the shell.
  zmq::socket_t& lifecycle() { return lifecycle_; }
  ActorId id() const { return id_; }
  void tell(const std::string& word);

 private:
  void run(std::function<std::vector<Port>(zmq::context_t&)> open_ports);

  zmq::context_t& context_;
  ActorId id_;
  Actor& actor_;
  std::string address_;
  zmq::socket_t lifecycle_;
  std::thread thread_;
};

}  // namespace vault
