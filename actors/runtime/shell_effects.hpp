// The Effects of actors in a shell, and the state that the actors of one shell share. For shell.cpp.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "actors/actor.hpp"
#include "actors/runtime/lifecycle.hpp"
#include "actors/runtime/mailbox.hpp"
#include "actors/runtime/shell.hpp"
#include "actors/runtime/unread_replies.hpp"
#include "actors/topology.hpp"

namespace vault {

// Random bytes in blocks: a call to the generator for every salt would cost more than the salt's hash.
class RandomPool {
 public:
  void fill(std::span<std::uint8_t> out);

 private:
  std::array<std::uint8_t, 4096> pool_{};
  std::size_t used_ = pool_.size();
};

// The state shared by the actors of one shell, and so of one thread.
struct ThreadContext {
  ThreadContext(zmq::context_t& context, std::vector<Port>& open_ports, zmq::socket_t& pair)
      : outbox(context), ports(open_ports), lifecycle(pair) {}

  Outbox outbox;
  std::vector<Port>& ports;
  zmq::socket_t& lifecycle;
  RandomPool random;
  UnreadReplies unread;
  std::vector<ActorId> actors;   // that live in this thread
  std::deque<Envelope> local;    // from one of them to another
  std::vector<Envelope> remote;  // to other shells; sent when the round is over: answers first, then what wakes threads
  zmq::message_t* last_frame = nullptr;  // of the peer's message that is being handled
  bool said = false;                     // the PAIR has been used since it was last queried

  // Reports to the supervisor. Dropped if that is gone.
  void report(LifecycleReport report);
};

class ShellEffects final : public Effects {
 public:
  ShellEffects(ThreadContext& thread, ActorId actor) : thread_(thread), may_send_to_(actor) {}

  void set_timer(int id, std::chrono::milliseconds after) override;
  bool send_frames(SocketKind kind, std::vector<std::string> frames) override;
  PeerConnection connection() override;
  bool is_closed(const PeerConnection& connection) override { return vault::is_closed(connection); }
  Unread unread(const std::string& peer) override { return thread_.unread.of(peer); }
  Timestamp now() override;
  std::chrono::steady_clock::time_point clock() override { return std::chrono::steady_clock::now(); }
  void random(std::span<std::uint8_t> out) override { thread_.random.fill(out); }
  void fatal_configuration(const std::string& message) override { thread_.report(ConfigurationRefused{message}); }
  void report_state(const ServiceState& state) override { thread_.report(state); }

  std::vector<int> take_due();  // timers, removed
  std::optional<std::chrono::steady_clock::time_point> next_due() const;

 protected:
  void post(ActorId to, Message message) override;

 private:
  bool room_for_events(const Port& port);

  ThreadContext& thread_;
  const Receivers may_send_to_;
  std::map<int, std::chrono::steady_clock::time_point> timers_;
};

}  // namespace vault
