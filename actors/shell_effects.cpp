#include "actors/shell_effects.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <utility>

#include "ledger/check.hpp"

namespace vault {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

void RandomPool::fill(std::span<std::uint8_t> out) {
  for (std::uint8_t& byte : out) {
    if (used_ == pool_.size()) {
      VAULT_CHECK(RAND_bytes(pool_.data(), static_cast<int>(pool_.size())) == 1);
      used_ = 0;
    }
    byte = std::exchange(pool_[used_++], std::uint8_t{0});
  }
}

void House::say(const std::string& word) {
  said = true;
  try {
    lifecycle.send(zmq::buffer(word), zmq::send_flags::dontwait);
  } catch (const zmq::error_t&) {
    // The supervisor is gone; there is nobody to tell.
  }
}

void ShellEffects::send(ActorId to, Message message) {
  const auto& residents = house_.residents;
  if (std::find(residents.begin(), residents.end(), to) != residents.end()) {
    house_.inside.push_back({to, std::move(message)});
  } else {
    house_.outgoing.push_back({to, std::move(message)});
  }
}

void ShellEffects::set_timer(int id, milliseconds after) {
  timers_[id] = Clock::now() + after;
}

PeerConnection ShellEffects::connection() {
  return house_.last_frame == nullptr ? PeerConnection{}
                                      : connection_of(zmq_msg_get(house_.last_frame->handle(), ZMQ_SRCFD));
}

Timestamp ShellEffects::now() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::microseconds>(since).count()};
}

bool ShellEffects::send_frames(SocketKind kind, std::vector<std::string> frames) {
  auto& ports = house_.ports;
  const auto port = std::find_if(ports.begin(), ports.end(), [&](const Port& p) { return p.kind == kind; });
  if (port == ports.end()) return false;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    auto flags = zmq::send_flags::dontwait;
    if (i + 1 < frames.size()) flags = flags | zmq::send_flags::sndmore;
    try {
      if (!port->socket.send(zmq::buffer(frames[i]), flags)) return false;  // full
    } catch (const zmq::error_t& error) {
      if (error.num() == EINTR) {
        --i;
        continue;
      }
      return false;  // EHOSTUNREACH: the peer is gone
    }
  }
  return true;
}

std::vector<int> ShellEffects::take_due() {
  std::vector<int> due;
  if (timers_.empty()) return due;
  const auto now = Clock::now();
  for (auto timer = timers_.begin(); timer != timers_.end();) {
    if (timer->second <= now) {
      due.push_back(timer->first);
      timer = timers_.erase(timer);
    } else {
      ++timer;
    }
  }
  return due;
}

std::optional<Clock::time_point> ShellEffects::next_due() const {
  std::optional<Clock::time_point> next;
  for (const auto& [id, at] : timers_) next = next ? std::min(*next, at) : at;
  return next;
}

}  // namespace vault
