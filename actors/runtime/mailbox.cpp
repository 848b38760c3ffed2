#include "actors/runtime/mailbox.hpp"

#include <memory>
#include <utility>

#include "actors/runtime/owned_frame.hpp"

namespace vault {
namespace {

std::string mailbox_address(ActorId owner) {
  return "inproc://mailbox-" + actor_name(owner);
}

}  // namespace

Mailbox::Mailbox(zmq::context_t& context, const std::vector<NamedActor>& owners)
    : socket_(context, zmq::socket_type::pull) {
  socket_.set(zmq::sockopt::rcvhwm, 0);
  socket_.set(zmq::sockopt::linger, 0);
  for (const NamedActor& owner : owners) socket_.bind(mailbox_address(owner.id));
}

std::optional<Envelope> Mailbox::receive() {
  zmq::message_t frame;
  try {
    if (!socket_.recv(frame, zmq::recv_flags::dontwait)) return std::nullopt;
  } catch (const zmq::error_t&) {
    return std::nullopt;  // EINTR, or the context is shutting down: there is always a next round
  }
  return std::move(value_in<Envelope>(frame));
}

void Outbox::post(ActorId to, Message message) {
  auto found = sockets_.find(to);
  if (found == sockets_.end()) {
    zmq::socket_t socket(context_, zmq::socket_type::push);
    socket.set(zmq::sockopt::sndhwm, 0);
    socket.set(zmq::sockopt::linger, 0);
    socket.connect(mailbox_address(to));
    found = sockets_.emplace(to, std::move(socket)).first;
  }
  zmq::message_t frame = frame_of(std::unique_ptr<Envelope>(new Envelope{to, std::move(message)}));
  for (;;) {
    try {
      (void)found->second.send(frame, zmq::send_flags::dontwait);
      return;
    } catch (const zmq::error_t& error) {
      if (error.num() != EINTR) return;
    }
  }
}

}  // namespace vault
