// Why there is no connection, as far as ZeroMQ's socket monitor and one plain attempt of our own can tell: who is
// refused waits for nothing, and who waits learns what for.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <zmq.hpp>

#include "ledger/result.hpp"

namespace vault {

// Watches one socket that connects to one endpoint. Belongs to the socket's thread. Make it before the socket connects,
// and let it end before the socket does.
class ConnectionWatch {
 public:
  using Clock = std::chrono::steady_clock;

  struct Patience {
    std::chrono::milliseconds refused{30'000};   // with an endpoint where nobody listens: vaultd may be restarting
    std::chrono::milliseconds handshake{5'000};  // with who takes the connection and says nothing
  };
  // `has_keys`: the socket uses CURVE. Throws zmq::error_t.
  ConnectionWatch(zmq::context_t& context, zmq::socket_t& socket, std::string endpoint, bool has_keys,
                  Patience patience);

  ~ConnectionWatch();
  ConnectionWatch(const ConnectionWatch&) = delete;
  ConnectionWatch& operator=(const ConnectionWatch&) = delete;

  // The socket has just been told to connect (again): nothing of before counts any more.
  void begin(Clock::time_point now);
  // What is to be polled beside the socket while there is no connection.
  zmq::socket_t& events() { return events_; }
  // Takes in what the monitor has told. The reason why waiting longer does not help, if so: `forbidden` or
  // `unavailable`, `field` "endpoint" or "key_dir".
  std::optional<Error> look(Clock::time_point now);
  // For who has waited long enough all the same.
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
  std::optional<Clock::time_point> connected_at_;  // the kernel's connection; the handshake may be under way
  std::optional<Clock::time_point> gone_at_;       // it ended before the handshake was done
  bool ready_ = false;                             // handshake done
  int handshakes_ended_ = 0;                       // in a row, without a reason
  std::optional<Error> refusal_;
};

}  // namespace vault
