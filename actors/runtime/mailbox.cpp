#include "actors/runtime/mailbox.hpp"

#include <utility>

#include "actors/runtime/tsan.hpp"
#include "ledger/check.hpp"

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
    return std::nullopt;  // EINTR, or the context is going down: there is always a next round
  }
  VAULT_CHECK(frame.size() == sizeof(Envelope));
  auto* envelope = frame.data<Envelope>();
  VAULT_TSAN_ACQUIRE(envelope);
  return std::move(*envelope);
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
  auto* envelope = new Envelope{to, std::move(message)};
  VAULT_TSAN_RELEASE(envelope);
  zmq::message_t frame(envelope, sizeof(Envelope), [](void* data, void*) {
    VAULT_TSAN_ACQUIRE(data);
    delete static_cast<Envelope*>(data);
  });
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
