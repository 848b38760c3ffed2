#include "actors/runtime/shell_effects.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "actors/runtime/owned_frame.hpp"
#include "ledger/check.hpp"
#include "os/clock.hpp"

namespace vault {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

namespace {

constexpr std::size_t events_held_max = std::size_t{16} << 20;

bool send_frame(zmq::socket_t& socket, zmq::message_t& frame, bool last) {
  const auto flags = last ? zmq::send_flags::dontwait : zmq::send_flags::dontwait | zmq::send_flags::sndmore;
  for (;;) {
    try {
      return socket.send(frame, flags).has_value();
    } catch (const zmq::error_t& error) {
      if (error.num() != EINTR) return false;  // EHOSTUNREACH: the peer is gone
    }
  }
}

}  // namespace

void RandomPool::fill(std::span<std::uint8_t> out) {
  for (std::uint8_t& byte : out) {
    if (used_ == pool_.size()) {
      VAULT_CHECK(RAND_bytes(pool_.data(), static_cast<int>(pool_.size())) == 1);
      used_ = 0;
    }
    byte = std::exchange(pool_[used_++], std::uint8_t{0});
  }
}

void ThreadContext::report(LifecycleReport report) {
  said = true;
  try {
    (void)lifecycle.send(frame_of(std::make_unique<LifecycleReport>(std::move(report))), zmq::send_flags::dontwait);
  } catch (const zmq::error_t&) {
    // The supervisor is gone; there is no one to report to.
  }
}

void ShellEffects::post(ActorId to, Message message) {
  VAULT_CHECK(may_send_to_.contain(to));  // actors/topology.hpp: who may send to whom
  const auto& actors = thread_.actors;
  if (std::find(actors.begin(), actors.end(), to) != actors.end()) {
    thread_.local.push_back({to, std::move(message)});
  } else {
    thread_.remote.push_back({to, std::move(message)});
  }
}

void ShellEffects::set_timer(int id, milliseconds after) {
  timers_[id] = Clock::now() + after;
}

PeerConnection ShellEffects::connection() {
  return thread_.last_frame == nullptr ? PeerConnection{}
                                       : connection_of(zmq_msg_get(thread_.last_frame->handle(), ZMQ_SRCFD));
}

Timestamp ShellEffects::now() {
  return {wall_clock_micros()};
}

bool ShellEffects::send_frames(SocketKind kind, std::vector<std::string> frames) {
  const std::string to = kind == SocketKind::requests ? frames.front() : std::string{};
  const auto belongs = [&](const Port& port) {
    return port.kind == kind && (!port.tag || (!to.empty() && to.front() == *port.tag));
  };
  const auto port = std::find_if(thread_.ports.begin(), thread_.ports.end(), belongs);
  if (port == thread_.ports.end()) return false;
  if (port->tag) frames.front().erase(0, 1);
  if (kind == SocketKind::requests && !thread_.unread.fits(to)) return false;
  if (kind == SocketKind::events && !room_for_events(*port)) return false;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const bool last = i + 1 == frames.size();
    // The last frame takes nearly all the memory; the others are short.
    zmq::message_t frame = last ? thread_.unread.count(std::move(frames[i]), to) : zmq::message_t(frames[i]);
    if (!send_frame(port->socket, frame, last)) return false;  // full, or the peer is gone
  }
  return true;
}

// Events are shared by all subscribers, so the slowest determines the memory. It is disconnected, and will see the gap.
bool ShellEffects::room_for_events(const Port& port) {
  const std::size_t held = thread_.unread.of({}).all;
  if (held >= events_held_max && port.overfull) port.overfull();
  return held < 2 * events_held_max;
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
