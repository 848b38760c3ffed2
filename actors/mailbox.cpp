#include "actors/mailbox.hpp"

#include <cstring>
#include <utility>

#include "actors/tsan.hpp"
#include "ledger/check.hpp"

namespace vault {
namespace {

std::string mailbox_address(ActorId owner) {
  return "inproc://mailbox-" + actor_name(owner);
}

}  // namespace

Mailbox::Mailbox(zmq::context_t& context, const std::vector<Hosted>& owners)
    : socket_(context, zmq::socket_type::pull) {
  socket_.set(zmq::sockopt::rcvhwm, 0);
  socket_.set(zmq::sockopt::linger, 0);
  for (const Hosted& owner : owners) socket_.bind(mailbox_address(owner.id));
}

Mailbox::~Mailbox() {
  while (receive()) {
  }
}

std::unique_ptr<Letter> Mailbox::receive() {
  zmq::message_t frame;
  try {
    if (!socket_.recv(frame, zmq::recv_flags::dontwait)) return nullptr;
  } catch (const zmq::error_t&) {
    return nullptr;  // EINTR, or the context is going down: there is always a next round
  }
  Letter* letter = nullptr;
  VAULT_CHECK(frame.size() == sizeof letter);
  std::memcpy(&letter, frame.data(), sizeof letter);
  VAULT_TSAN_ACQUIRE(letter);
  return std::unique_ptr<Letter>(letter);
}

void Outbox::send(ActorId to, Message message) {
  auto found = sockets_.find(to);
  if (found == sockets_.end()) {
    zmq::socket_t socket(context_, zmq::socket_type::push);
    socket.set(zmq::sockopt::sndhwm, 0);
    socket.set(zmq::sockopt::linger, 0);
    socket.connect(mailbox_address(to));
    found = sockets_.emplace(to, std::move(socket)).first;
  }
  auto owned = std::make_unique<Letter>(Letter{to, std::move(message)});
  Letter* pointer = owned.get();
  zmq::message_t frame(&pointer, sizeof pointer);
  VAULT_TSAN_RELEASE(pointer);
  for (;;) {
    try {
      if (found->second.send(frame, zmq::send_flags::dontwait)) (void)owned.release();
      return;
    } catch (const zmq::error_t& error) {
      if (error.num() != EINTR) return;
    }
  }
}

}  // namespace vault
