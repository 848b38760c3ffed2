// Watches for CURVE handshakes that end before any key is checked: a client with another server's key or with none, or
// something that is not ZeroMQ at all. ZeroMQ reports these only to its socket monitor. Belongs to the thread that
// makes it.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "actors/runtime/shell.hpp"

namespace vault {

class HandshakeWatch {
 public:
  // Construct before the sockets of these domains are opened, or their thread would wait for a listener. Throws
  // zmq::error_t.
  HandshakeWatch(zmq::context_t& context, const std::vector<std::string>& domains);

  // Makes ZeroMQ report events of `socket`; call it in the socket's own thread. Throws zmq::error_t.
  static void watch(zmq::socket_t& socket, const std::string& domain);

  // Logs reported failures: the first one at once, then at most a line in ten seconds for each socket.
  void sweep();

 private:
  struct Watched {
    std::string domain;
    zmq::socket_t events;
    std::uint64_t unsaid = 0;
    std::optional<std::chrono::steady_clock::time_point> said_at;
  };
  std::vector<Watched> watched_;
};

}  // namespace vault
