#include "wire/client/connection_watch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <string_view>
#include <utility>

#include "wire/endpoint_attempt.hpp"
#include "wire/endpoint_family.hpp"

namespace vault {
namespace {

using std::chrono::milliseconds;

// ZeroMQ connects faster than this if it can; after this long, an attempt of our own is worth while.
constexpr milliseconds look_after{100};
constexpr milliseconds look_again{250};
// ZeroMQ reconnects within a tenth of a second, unless the other side speaks another protocol.
constexpr milliseconds connects_again_within{600};
// The same if the other side hung up first: only whether ZeroMQ reconnects shows whether that side speaks another
// protocol, is shutting down, or rejects the key.
constexpr milliseconds comes_back_within{3'000};
constexpr milliseconds attempt_max{1'000};
// A handshake may end without a reason this many times in a row: that also happens while vaultd restarts.
constexpr int handshakes_ended_max = 3;

std::string watch_address() {
  static std::atomic<unsigned> number{0};
  return fmt::format("inproc://connection-watch-{}", number++);
}

}  // namespace

ConnectionWatch::ConnectionWatch(zmq::context_t& context, zmq::socket_t& socket, std::string endpoint, bool has_keys,
                                 Patience patience)
    : events_(context, zmq::socket_type::pair),
      watched_(socket.handle()),
      endpoint_(std::move(endpoint)),
      has_keys_(has_keys),
      patience_(patience) {
  // Excludes events that come ten times a second while nobody listens. No high-water mark, at which ZeroMQ's thread
  // would block while the owner does not read for a while.
  constexpr int wanted = ZMQ_EVENT_CONNECTED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED |
                         ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                         ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;
  const std::string address = watch_address();
  if (zmq_socket_monitor(socket.handle(), address.c_str(), wanted) != 0) throw zmq::error_t();
  events_.set(zmq::sockopt::linger, 0);
  events_.set(zmq::sockopt::rcvhwm, 0);
  events_.connect(address);
  begin(Clock::now());
}

// Stop the monitor before its end of the PAIR closes: ZeroMQ's thread would wait for a listener.
ConnectionWatch::~ConnectionWatch() {
  zmq_socket_monitor(watched_, nullptr, 0);
}

void ConnectionWatch::begin(Clock::time_point now) {
  began_ = tried_ = now;
  connected_at_.reset();
  gone_at_.reset();
  ready_ = false;
  handshakes_ended_ = 0;
  refusal_.reset();
}

void ConnectionWatch::take(std::uint16_t event, std::uint32_t value) {
  switch (event) {
    case ZMQ_EVENT_CONNECTED:
      connected_at_ = Clock::now();
      gone_at_.reset();
      break;
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
      ready_ = true;
      handshakes_ended_ = 0;
      refusal_.reset();
      break;
    case ZMQ_EVENT_DISCONNECTED:
      connected_at_.reset();
      if (ready_) {
        began_ = tried_ = Clock::now();
      } else {
        gone_at_ = Clock::now();
      }
      ready_ = false;
      break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
      refusal_ = Error{ErrorCode::forbidden,
                       fmt::format("vaultd at {} refuses this client's key ({}): its curve_clients directory does not "
                                   "hold the key, or not with a role for this socket",
                                   endpoint_, value),
                       "key_dir"};
      break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
      refusal_ = key_on_ipc() ? handshake_ended() : wrong_socket();
      break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
      connected_at_.reset();
      gone_at_ = Clock::now();
      if (++handshakes_ended_ >= handshakes_ended_max) refusal_ = handshake_ended();
      break;
    default:
      break;
  }
}

Error ConnectionWatch::wrong_socket() const {
  return {
      ErrorCode::unavailable,
      fmt::format("what listens at {} is not vaultd's requests socket, or one side uses CURVE and the other does not",
                  endpoint_),
      "endpoint"};
}

Error ConnectionWatch::no_answer() const {
  return {ErrorCode::unavailable,
          fmt::format("{} takes the connection, but does not answer: vaultd hangs, or is stopped, or it is not vaultd",
                      endpoint_),
          "endpoint"};
}

bool ConnectionWatch::key_on_ipc() const {
  return has_keys_ && endpoint_.starts_with(ipc_scheme);
}

Error ConnectionWatch::handshake_ended() const {
  if (key_on_ipc()) {
    return {ErrorCode::unavailable,
            fmt::format("{} uses no CURVE: keys are for tcp endpoints, leave them out here", endpoint_), "key_dir"};
  }
  if (!has_keys_ && endpoint_.starts_with(tcp_scheme)) {
    return {ErrorCode::unavailable,
            fmt::format("what listens at {} ends every handshake: vaultd wants a CURVE key there and this client has "
                        "none, or it is not vaultd",
                        endpoint_),
            "key_dir"};
  }
  return {ErrorCode::unavailable,
          fmt::format("what listens at {} ends every handshake: server.toml holds a key that is not this "
                      "vaultd's, or this is vaultd's events socket, or it is not vaultd",
                      endpoint_),
          "key_dir"};
}

std::optional<Error> ConnectionWatch::nobody_there(Clock::time_point now) {
  if (now - began_ < look_after || now - tried_ < (tried_ == began_ ? look_after : look_again)) return std::nullopt;
  tried_ = now;
  const auto failure = try_endpoint(endpoint_, std::min(attempt_max, patience_.refused));
  const bool hung_up = handshakes_ended_ > 0;
  const milliseconds patience = hung_up ? comes_back_within : connects_again_within;
  if (!failure && gone_at_ && now - *gone_at_ > patience) return wrong_socket();
  if (hung_up) return std::nullopt;
  if (!failure || (failure->may_pass && now - began_ < patience_.refused)) return std::nullopt;
  return Error{failure->no_right ? ErrorCode::forbidden : ErrorCode::unavailable,
               fmt::format("no connection to vaultd at {}: {}", endpoint_, failure->reason), "endpoint"};
}

std::optional<Error> ConnectionWatch::look(Clock::time_point now) {
  for (;;) {
    zmq::message_t frame;
    if (!events_.recv(frame, zmq::recv_flags::dontwait)) break;
    std::uint16_t event = 0;
    std::uint32_t value = 0;
    if (frame.size() >= sizeof event + sizeof value) {
      std::memcpy(&event, frame.data(), sizeof event);
      std::memcpy(&value, frame.data<char>() + sizeof event, sizeof value);
    }
    while (frame.more()) (void)events_.recv(frame);  // the address
    take(event, value);
  }
  if (refusal_ || ready_) return refusal_;
  if (!connected_at_) return nobody_there(now);
  if (now - *connected_at_ < patience_.handshake) return std::nullopt;
  return no_answer();
}

Error ConnectionWatch::give_up(milliseconds waited) {
  if (auto known = look(Clock::now())) return *known;
  if (handshakes_ended_ > 0) return handshake_ended();
  if (connected_at_) return no_answer();
  const auto failure = try_endpoint(endpoint_, std::min(attempt_max, waited));
  return {failure && failure->no_right ? ErrorCode::forbidden : ErrorCode::unavailable,
          fmt::format("no connection to vaultd at {} within {} ms{}{}", endpoint_, waited.count(), failure ? ": " : "",
                      failure ? failure->reason : ""),
          "endpoint"};
}

}  // namespace vault
