// An actor is a handler and a shell. The handler is pure: plain data in, effects out; no sockets, no clock, no threads.
// The shell (shell.hpp), one for all actors, owns those. The simulator (tests/simulation/) drives the same handlers
// with a scheduler and a clock of its own.
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

// Bytes that were sent and ZeroMQ still holds, because they are not read: of one peer, of all.
struct Unread {
  std::size_t peer = 0, all = 0;
};

// What vaultd does about seals, for the service manager and whoever waits until it is ready.
struct ServiceState {
  enum class Role : std::uint8_t {
    writer,     // seals are taken
    emergency,  // seals are taken, without a database
    standby,    // another vaultd takes them
    refusing,   // start-up is over, and nobody is known to take seals
    waiting,    // start-up goes on
  };
  Role role = Role::waiting;
  std::string detail;  // standby, refusing, waiting: why no seals are taken; for people

  friend bool operator==(const ServiceState&, const ServiceState&) = default;
};

// What a handler may do. Valid during the call it was handed to.
class Effects {
 public:
  virtual ~Effects() = default;

  // To another actor, or to oneself. Never blocks, never fails.
  template <class Inbox, KindOf<Inbox> Kind>
  void send(Address<Inbox> address, Kind message) {
    post(address.id, Message(std::move(message)));
  }
  // One-shot; comes back as TimerFired{id}. Setting it again moves it.
  virtual void set_timer(int id, std::chrono::milliseconds after) = 0;
  // Gateway and publisher only. False where the peer is gone or its queue is full: the frames are dropped.
  virtual bool send_frames(SocketKind socket, std::vector<std::string> frames) = 0;
  // Of the peer with this routing id.
  virtual Unread unread(const std::string& /*peer*/) { return {}; }

  // Of the message from a peer that is being handled. Not known where the actor has no socket.
  virtual PeerConnection connection() { return {}; }
  virtual bool is_closed(const PeerConnection&) { return false; }

  virtual Timestamp now() = 0;                                // wall clock
  virtual std::chrono::steady_clock::time_point clock() = 0;  // monotonic
  virtual void random(std::span<std::uint8_t> out) = 0;       // cryptographic, outside the simulator

  // For a seal that came without a seal_id.
  Uuid draw_uuid() {
    std::array<std::uint8_t, 16> bytes{};
    random(bytes);
    return make_uuid_v7(now(), bytes);
  }

  // An alert goes to whoever follows the events and into `status`.
  void alert(Alert alert) {
    send(to::publisher, AlertMessage{alert});
    send(to::gateway, AlertMessage{std::move(alert)});
  }
  // The configuration cannot work with what the database holds: vaultd must end with exit code 2.
  virtual void fatal_configuration(const std::string& message) = 0;
  // To the supervisor.
  virtual void tell_state(const ServiceState&) {}

 protected:
  // What send() comes down to. `message` is one that `to` takes.
  virtual void post(ActorId to, Message message) = 0;
};

class Actor {
 public:
  virtual ~Actor() = default;
  virtual void start(Effects&) {}
  virtual void handle(Message message, Effects& effects) = 0;
  // A descriptor of this actor's that its shell watches between rounds, and what to do when it is ready. Asked anew
  // before every wait.
  virtual Watch watch() const { return {}; }
  virtual void watched(Effects&) {}
  // Everything that had arrived has been handled; now is the time to act on it as a whole.
  virtual void round_done(Effects&) {}
  // Told to stop; true once nothing is left to finish. Asked again after every round until then.
  virtual bool stop(Effects&) { return true; }
  // What it is doing, in a word: the simulator counts which faults met what.
  virtual const char* phase() const { return "there"; }
};

}  // namespace vault
