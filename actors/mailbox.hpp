// Mailboxes: one PULL a shell, bound once for each of its actors, and a PUSH for every thread that sends to one of
// them. Messages move as owned pointers in a frame, so nothing is copied or encoded between threads of one process.
//
// Bounds are by credit (gateway.hpp), not by ZeroMQ's high-water marks: inproc marks are switched off.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <zmq.hpp>

#include "actors/message.hpp"
#include "actors/shell.hpp"

namespace vault {

struct Letter {
  ActorId to;
  Message message;
};

// The receiving end. Belongs to the shell's thread.
class Mailbox {
 public:
  Mailbox(zmq::context_t& context, const std::vector<Hosted>& owners);
  ~Mailbox();  // frees what was never read
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  // nullptr if nothing waits. Never blocks.
  std::unique_ptr<Letter> receive();
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
