// Mailboxes: one PULL per shell, bound once for each of its actors, and a PUSH for every thread that sends to one of
// them. A frame is the message itself, which ZeroMQ frees once it has been read or can no longer be read. So nothing is
// copied or encoded between threads of one process, and nothing is leaked.
//
// Bounds are by credit (gateway.hpp), not by ZeroMQ's high-water marks: these are switched off for inproc.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <zmq.hpp>

#include "actors/inbox.hpp"
#include "actors/runtime/shell.hpp"

namespace vault {

struct Envelope {
  ActorId to;
  Message message;
};

// The receiving end. Belongs to the shell's thread.
class Mailbox {
 public:
  Mailbox(zmq::context_t& context, const std::vector<NamedActor>& owners);

  // nullopt if nothing waits. Never blocks.
  std::optional<Envelope> receive();
  zmq::socket_t& socket() { return socket_; }

 private:
  zmq::socket_t socket_;
};

// The sending ends of one thread.
class Outbox {
 public:
  explicit Outbox(zmq::context_t& context) : context_(context) {}
  // Takes the message; it is dropped (and freed) only if the whole context is shutting down.
  template <class Inbox, KindOf<Inbox> Kind>
  void send(Address<Inbox> address, Kind message) {
    post(address.id, Message(std::move(message)));
  }
  void post(ActorId to, Message message);

 private:
  zmq::context_t& context_;
  std::map<ActorId, zmq::socket_t> sockets_;
};

}  // namespace vault
