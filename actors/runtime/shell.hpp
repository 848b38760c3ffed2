// The shell, one for all actors: it owns the thread, the sockets, the timers and the clock around handlers.
//
// A shell hosts one actor or several. Actors hosted together exchange messages without a socket and without waking a
// thread; that is for actors that pass work on at once and never wait. The others have a shell each.
//
// The life cycle runs over a PAIR between the shell and its supervisor (lifecycle.hpp).
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>
#include <zmq.hpp>

#include "actors/actor.hpp"
#include "actors/runtime/lifecycle.hpp"
#include "ledger/result.hpp"

namespace vault {

// An external socket that a shell polls besides its mailbox. Created, used and closed in the actor's thread.
struct Port {
  SocketKind kind = SocketKind::requests;
  zmq::socket_t socket;
  std::function<bool()> wanted = [] { return true; };  // polled for reading only while this returns true
  std::vector<std::string> endpoints{};                // as bound
  std::optional<char> tag{};  // prepended to routing ids if a shell has several ports of one kind
  // Called for every message taken out of the socket: the descriptor of its connection (-1: unknown), its frames.
  std::function<void(int descriptor, std::size_t frames)> taken{};
  // Events only: called when subscribers leave so much unread that one of them must be disconnected.
  std::function<void()> overfull{};
};

// An actor and the name under which others send to it. The actor outlives its shell.
struct NamedActor {
  ActorId id;
  Actor* actor;
};

// Makes a shell's ports, in the shell's thread. Its error is what the start of the shell fails with.
using OpenPorts = std::function<Result<std::vector<Port>>(zmq::context_t&)>;

class Shell {
 public:
  // Messages from ports go to the first of `actors`. `context` outlives the shell. `busy_poll`: the thread stays awake
  // for this long (busy_poll.hpp) in every wait in which an actor watches a descriptor of its own.
  Shell(zmq::context_t& context, std::vector<NamedActor> actors, OpenPorts open_ports = {},
        std::chrono::microseconds busy_poll = {});
  ~Shell();  // joins; ask every actor to stop first
  Shell(const Shell&) = delete;
  Shell& operator=(const Shell&) = delete;

  // The supervisor's end of the PAIR, on which LifecycleReports arrive. Belongs to the thread that made the shell.
  zmq::socket_t& lifecycle() { return lifecycle_; }
  const std::string& name() const { return name_; }  // of the first actor
  void tell(LifecycleOrder order);
  // True once ShellReady has been received: everything that `open_ports` has written can then be read. (ZeroMQ orders
  // these accesses too, but in a way that neither the language nor ThreadSanitizer knows of.)
  bool opened() const { return opened_.load(std::memory_order_acquire); }

 private:
  void run(const OpenPorts& open_ports);
  void report_failure(zmq::socket_t& lifecycle, Error error);

  zmq::context_t& context_;
  std::vector<NamedActor> actors_;
  const std::chrono::microseconds busy_poll_;
  std::string name_;
  std::string address_;
  zmq::socket_t lifecycle_;
  std::atomic<bool> opened_{false};
  std::thread thread_;
};

}  // namespace vault
