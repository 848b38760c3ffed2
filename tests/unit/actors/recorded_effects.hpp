// Effects that only record a handler's requests, with a clock that moves when a test says so.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "actors/actor.hpp"

namespace vault {

class RecordedEffects final : public Effects {
 public:
  void post(ActorId to, Message message) override { sent.emplace_back(to, std::move(message)); }
  void set_timer(int id, std::chrono::milliseconds after) override { timers[id] = time + after; }
  bool send_frames(SocketKind socket, std::vector<std::string> parts) override {
    if (peer_is_full) return false;
    frames.emplace_back(socket, std::move(parts));
    return true;
  }
  PeerConnection connection() override { return peer; }
  bool is_closed(const PeerConnection& one) override { return closed.contains(one.descriptor); }
  Unread unread(const std::string& name) override { return {name == "full" ? unread_by_full : 0, unread_by_all}; }
  Timestamp now() override {
    return {1'767'225'600'000'000 + wall_offset +
            std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count()};
  }
  std::chrono::steady_clock::time_point clock() override { return time; }
  void random(std::span<std::uint8_t> out) override {
    for (std::uint8_t& byte : out) byte = ++last_random;
  }
  void fatal_configuration(const std::string& message) override { configuration = message; }

  // All messages of one kind that went to `to`, in order.
  template <class Kind>
  std::vector<Kind> messages(ActorId to) const {
    std::vector<Kind> out;
    for (const auto& [receiver, message] : sent) {
      if (const auto* kind = std::get_if<Kind>(&message); kind && receiver == to) out.push_back(*kind);
    }
    return out;
  }

  std::vector<std::pair<ActorId, Message>> sent;
  std::vector<std::pair<SocketKind, std::vector<std::string>>> frames;
  std::map<int, std::chrono::steady_clock::time_point> timers;
  std::chrono::steady_clock::time_point time{std::chrono::seconds(1'000)};
  std::int64_t wall_offset = 0;  // microseconds by which the wall clock has leapt
  std::string configuration;
  bool peer_is_full = false;
  PeerConnection peer;                                // of the next messages
  std::set<int> closed;                               // descriptors
  std::size_t unread_by_full = 0, unread_by_all = 0;  // bytes: of the peer called "full", and of all
  std::uint8_t last_random = 0;
};

}  // namespace vault
