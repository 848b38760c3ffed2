// Finds out why there is no connection, as far as ZeroMQ's socket monitor and one plain attempt of our own can tell, so
// that a refused client does not wait in vain, and one that waits knows what for.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <zmq.hpp>

#include "ledger/result.hpp"

namespace vault {

// Watches one socket that connects to one endpoint. Belongs to the socket's thread. Create it before the socket
// connects, and destroy it before the socket.
class ConnectionWatch {
 public:
  using Clock = std::chrono::steady_clock;

  struct Patience {
    std::chrono::milliseconds refused{30'000};   // while nobody listens: vaultd may be restarting
    std::chrono::milliseconds handshake{5'000};  // while the other side accepts the connection but stays silent
  };
  // `has_keys`: the socket uses CURVE. Throws zmq::error_t.
  ConnectionWatch(zmq::context_t& context, zmq::socket_t& socket, std::string endpoint, bool has_keys,
                  Patience patience);

  ~ConnectionWatch();
  ConnectionWatch(const ConnectionWatch&) = delete;
  ConnectionWatch& operator=(const ConnectionWatch&) = delete;

  // Call when the socket has just been told to connect (again): earlier events no longer count.
  void begin(Clock::time_point now);
  // The socket to poll beside the watched one while there is no connection.
  zmq::socket_t& events() { return events_; }
  // Reads the monitor's events. Returns the reason if waiting longer is pointless: `forbidden` or `unavailable`,
  // `field` "endpoint" or "key_dir".
  std::optional<Error> look(Clock::time_point now);
  // The error for a caller that has waited long enough anyway.
  Error give_up(std::chrono::milliseconds waited);

 private:
  void take(std::uint16_t event, std::uint32_t value);
  std::optional<Error> nobody_there(Clock::time_point now);
  bool key_on_ipc() const;
  Error handshake_ended() const;
  Error wrong_socket() const;
  Error no_answer() const;

  zmq::socket_t events_;
  void* watched_;
  const std::string endpoint_;
  const bool has_keys_;
  const Patience patience_;
  Clock::time_point began_, tried_;
  std::optional<Clock::time_point> connected_at_;  // the TCP or ipc connection; the handshake may be under way
  std::optional<Clock::time_point> gone_at_;       // it ended before the handshake was done
  bool ready_ = false;                             // the handshake is done
  int handshakes_ended_ = 0;                       // in a row, without a reason
  std::optional<Error> refusal_;
};

}  // namespace vault
