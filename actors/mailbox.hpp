// Mailboxes: one bound PULL an actor, a PUSH for every thread that sends to it. Messages move as owned pointers in a
// frame, so nothing is copied or encoded between threads of one process.
//
// Bounds are by credit (gateway.hpp), not by ZeroMQ's high-water marks: inproc marks are switched off.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <zmq.hpp>

#include "actors/message.hpp"

namespace vault {

// The receiving end. Belongs to the actor's thread.
class Mailbox {
 public:
  Mailbox(zmq::context_t& context, ActorId owner);
  ~Mailbox();  // frees what was never read
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  // nullptr if nothing waits. Never blocks.
  std::unique_ptr<Message> receive();
  zmq::socket_t& socket() { return socket_; }

 private:
  zmq::socket_t socket_;
};

// The sending ends of one thread.
class Outbox {
 public:
  explicit Outbox(zmq::context_t& context) : context_(context) {}
  // Takes the message; it is dropped (and freed) only if the whole context is going down.
  void send(ActorId to, Message message);

 private:
  zmq::context_t& context_;
  std::map<ActorId, zmq::socket_t> sockets_;
};

}  // namespace vault
