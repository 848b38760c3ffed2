// Bounds how much peers can make vaultd hold before a handler has seen it: connections, one message, unread messages of
// one peer and of all. ZeroMQ counts messages; this counts bytes, below ZeroMQ, where they are read from the kernel.
//
// vaultd defines accept4, recv, epoll_ctl, listen and close itself (socket_hooks.cpp); the dynamic linker makes libzmq
// use these, and they consult this guard. A connection over a limit of one message is cut. One with too much unread is
// not read until handlers have taken some of it (its descriptor leaves epoll), so the kernel's buffers fill and the
// peer must wait.
//
// Threads: the functions named after system calls run in ZeroMQ's I/O thread; taken() in the thread that owns the
// socket; sweep() in any one thread. A connection's state has a mutex; limits are set before sockets are bound.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "daemon/zmtp_meter.hpp"

namespace vault {

// The sockets that peers connect to, each with its own budget.
enum class GuardedSocket : std::uint8_t { requests, ingest, events, none };

struct GuardLimits {
  MessageLimits message;
  // Whether unread messages count: handlers call taken(). Not for subscriptions, which ZeroMQ takes itself: there
  // `all_bytes` bounds all topics.
  bool counted = true;
  std::size_t peer_bytes = std::size_t{32} << 20;    // unread whole messages of one peer; beyond this, it is not read
  std::size_t all_bytes = std::size_t{68} << 20;     // of all peers, including begun ones
  std::size_t modest_bytes = std::size_t{64} << 10;  // what a peer may have unread even then
  // If for this long none of a peer's messages was taken while others' were, then what it sends can never be taken.
  std::chrono::milliseconds patience{10'000};
};

class PeerGuard {
 public:
  PeerGuard();
  ~PeerGuard();
  PeerGuard(const PeerGuard&) = delete;
  PeerGuard& operator=(const PeerGuard&) = delete;

  void set_limits(GuardedSocket socket, const GuardLimits& limits);
  // Limits one message from now on, also on existing connections.
  void set_message_bytes(GuardedSocket socket, std::size_t bytes);
  void set_peers_max(std::size_t peers) { peers_max_ = peers; }
  std::size_t peers_max() const { return peers_max_; }
  // No connection gets a descriptor from this number on. The kernel assigns the lowest free one, so those above stay
  // free for what vaultd itself opens, however many it holds already.
  void set_descriptors_max(std::size_t descriptors) { descriptors_max_ = descriptors; }

  // During its lifetime, everything this thread listens on belongs to `socket`.
  class Binding {
   public:
    explicit Binding(GuardedSocket socket);
    ~Binding();
  };

  // --- Called by the hooks ---
  void listening(int descriptor);
  bool guards_listener(int descriptor) const;
  // A connection was accepted; false: too many, close it.
  bool accepted(int listener, int descriptor);
  void refused() { ++refused_; }
  // How much may be read now: nothing if the peer must wait, SIZE_MAX if the descriptor is not a peer's.
  std::size_t may_read(int descriptor, std::size_t wanted);
  // Bytes have been read; false: cut the connection.
  bool has_read(int descriptor, const void* bytes, std::size_t count, std::size_t wanted);
  // Records what ZeroMQ wants to wait for and passes it to epoll, unless the peer must wait. Like epoll_ctl.
  int control(int epoll, int operation, int descriptor, epoll_event* event);
  void closing(int descriptor);

  // --- Called by handlers' threads ---
  // A message of this many frames has been taken out of ZeroMQ; it arrived on this descriptor.
  void taken(int descriptor, std::size_t frames);

  // Cuts the connection that has accepted nothing for the longest time, if there is one. From the owner's thread.
  void cut_slowest(GuardedSocket socket);

  struct Counts {
    std::size_t peers = 0;
    std::uint64_t refused = 0, cut = 0, paused = 0;  // since the start
    const char* cut_for = nullptr;                   // reason for the latest cut
  };
  // Call about once a second: cuts connections stuck with something that can never be taken. `reading`: whether a
  // handler is taking messages from this socket at the moment.
  Counts sweep(const std::array<bool, 3>& reading);
  std::size_t unread_bytes(GuardedSocket socket) const;
  std::size_t listeners() const { return listeners_; }

 private:
  struct Connection;
  struct Budget {
    GuardLimits limits;
    std::atomic<std::size_t> message_bytes{0};
    std::atomic<std::size_t> bytes{0};   // unread, whole or begun
    std::atomic<std::size_t> whole{0};   // of these, in whole messages
    std::atomic<std::size_t> paused{0};  // connections
  };

  Connection* find(int descriptor) const;
  Connection* make(int descriptor);
  Budget& budget_of(const Connection& connection);
  bool must_wait(const Connection& connection);
  void pause(Connection& connection);
  void resume(Connection& connection);
  void resume_all(GuardedSocket socket);
  void make_room(GuardedSocket socket, const char* reason);
  void give_back(Connection& connection, std::size_t messages);
  void cut(Connection& connection, const char* reason);

  std::unique_ptr<std::atomic<Connection*>[]> connections_;  // by descriptor; created once, then reused
  std::unique_ptr<std::atomic<GuardedSocket>[]> listening_;  // by descriptor
  std::size_t descriptors_ = 0;
  std::array<Budget, 3> budgets_;
  std::atomic<std::size_t> peers_{0}, peers_max_{1'000}, listeners_{0}, descriptors_max_{SIZE_MAX};
  std::atomic<std::uint64_t> refused_{0}, cut_{0}, paused_{0};
  std::atomic<const char*> cut_for_{nullptr};
  std::atomic<int> highest_{-1};  // highest descriptor that ever was a connection
};

// The instance that the hooks use. Lives as long as the process.
PeerGuard& peer_guard();
// Set by socket_hooks.cpp: whether this program's system calls are ours.
extern bool socket_hooks_present;

}  // namespace vault
