#include "daemon/handshake_watch.hpp"

#include <utility>

#include "os/log.hpp"

namespace vault {
namespace {

constexpr std::chrono::seconds between_lines{10};

std::string address_of(const std::string& domain) {
  return "inproc://handshakes-" + domain;
}

}  // namespace

HandshakeWatch::HandshakeWatch(zmq::context_t& context, const std::vector<std::string>& domains) {
  for (const std::string& domain : domains) {
    zmq::socket_t events(context, zmq::socket_type::pair);
    events.set(zmq::sockopt::linger, 0);
    events.set(zmq::sockopt::rcvhwm, 0);  // ZeroMQ's thread must not block
    events.connect(address_of(domain));
    watched_.push_back({domain, std::move(events), 0, {}});
  }
}

void HandshakeWatch::watch(zmq::socket_t& socket, const std::string& domain) {
  // A refused key is reported by the authenticator.
  constexpr int wanted = ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL;
  if (zmq_socket_monitor(socket.handle(), address_of(domain).c_str(), wanted) != 0) throw zmq::error_t();
}

void HandshakeWatch::sweep() {
  const auto now = std::chrono::steady_clock::now();
  for (Watched& one : watched_) {
    zmq::message_t frame;
    while (one.events.recv(frame, zmq::recv_flags::dontwait)) {
      if (!frame.more()) ++one.unsaid;
    }
    if (one.unsaid == 0 || (one.said_at && now - *one.said_at < between_lines)) continue;
    one.said_at = now;
    log_warning("vaultd",
                "handshakes failed before a key was shown: wrong server key (server.toml), no key, or no ZeroMQ client",
                {{"socket", one.domain}, {"times", std::exchange(one.unsaid, 0)}});
  }
}

}  // namespace vault
