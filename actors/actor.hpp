// Actors: a handler and a shell each. The handler is pure: plain data in, effects out; no sockets, no clock, no
// threads. The shell (shell.hpp), one for all actors, owns those. The simulator (tests/simulation/) drives the same
// handlers with a scheduler and a clock of its own.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "actors/inbox.hpp"
#include "os/peer_connection.hpp"

namespace vault {

// Bytes sent that ZeroMQ still holds because they have not been read: by one peer, by all.
struct Unread {
  std::size_t peer = 0, all = 0;
};

// Whether vaultd accepts seals, for the service manager and for whoever waits until it is ready.
struct ServiceState {
  enum class Role : std::uint8_t {
    writer,     // seals are accepted
    emergency,  // seals are accepted, without a database
    standby,    // another vaultd accepts them
    refusing,   // start-up is over, and no vaultd is known to accept seals
    waiting,    // still starting up
  };
  Role role = Role::waiting;
  std::string detail;  // standby, refusing, waiting: why no seals are accepted; for people

  friend bool operator==(const ServiceState&, const ServiceState&) = default;
};

// The effects that a handler may have. Valid during the call it was passed to.
class Effects {
 public:
  virtual ~Effects() = default;

  // Sends to another actor, or to the sender itself. Never blocks, never fails.
  template <class Inbox, KindOf<Inbox> Kind>
  void send(Address<Inbox> address, Kind message) {
    post(address.id, Message(std::move(message)));
  }
  // One-shot; comes back as TimerFired{id}. Setting it again moves it.
  virtual void set_timer(int id, std::chrono::milliseconds after) = 0;
  // Gateway, publisher and authenticator only. False if the peer is gone or its queue is full: the frames are then
  // dropped.
  virtual bool send_frames(SocketKind socket, std::vector<std::string> frames) = 0;
  // Unread bytes of the peer with this routing id.
  virtual Unread unread(const std::string& /*peer*/) { return {}; }

  // The connection of the peer's message that is being handled. Unknown if the actor has no socket.
  virtual PeerConnection connection() { return {}; }
  virtual bool is_closed(const PeerConnection&) { return false; }

  virtual Timestamp now() = 0;                                // wall clock
  virtual std::chrono::steady_clock::time_point clock() = 0;  // monotonic
  virtual void random(std::span<std::uint8_t> out) = 0;       // cryptographic, outside the simulator

  // For a seal without a seal_id.
  Uuid draw_uuid() {
    std::array<std::uint8_t, 16> bytes{};
    random(bytes);
    return make_uuid_v7(now(), bytes);
  }

  // Sends an alert to the events socket and into `status`.
  void alert(Alert alert) {
    send(to::publisher, AlertMessage{alert});
    send(to::gateway, AlertMessage{std::move(alert)});
  }
  // The configuration does not fit the contents of the database: vaultd must end with exit code 2.
  virtual void fatal_configuration(const std::string& message) = 0;
  // Reports to the supervisor.
  virtual void report_state(const ServiceState&) {}

 protected:
  // The implementation of send(). `message` is one that `to` accepts.
  virtual void post(ActorId to, Message message) = 0;
};

class Actor {
 public:
  virtual ~Actor() = default;
  virtual void start(Effects&) {}
  virtual void handle(Message message, Effects& effects) = 0;
  // A descriptor of this actor that its shell watches between rounds, and what to do when it is ready. Asked again
  // before every wait.
  virtual Watch watch() const { return {}; }
  virtual void watched(Effects&) {}
  // Called when all arrived messages have been handled; the time to act on them as a whole.
  virtual void round_done(Effects&) {}
  // Asks the actor to stop; true once it has nothing left to finish. Called again after every round until then.
  virtual bool stop(Effects&) { return true; }
  // The current activity, in a word: the simulator counts which faults struck in which phase.
  virtual const char* phase() const { return "there"; }
};

}  // namespace vault
