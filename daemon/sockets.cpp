#include "daemon/sockets.hpp"

#include <fcntl.h>
#include <grp.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "daemon/handshake_watch.hpp"
#include "daemon/peer_guard.hpp"
#include "daemon/start_check.hpp"
#include "wire/endpoint_family.hpp"

namespace vault {
namespace {

constexpr int zap_enforce_domain = 93;  // ZMQ_ZAP_ENFORCE_DOMAIN: draft-only in the header, works by number
constexpr std::size_t ipc_path_max = 107;

bool is_ipc(const std::string& endpoint) {
  return endpoint.compare(0, 6, "ipc://") == 0;
}
std::string ipc_path(const std::string& endpoint) {
  return endpoint.substr(6);
}

Status set_access(const std::string& endpoint, const SocketOptions& options) {
  const std::string path = ipc_path(endpoint);
  if (chmod(path.c_str(), options.mode) != 0) {
    return fail(ErrorCode::forbidden, "cannot set the mode of " + path + ": " + std::strerror(errno));
  }
  if (options.group.empty()) return {};
  const group* found = getgrnam(options.group.c_str());
  if (!found) return fail(ErrorCode::invalid_argument, "there is no group \"" + options.group + "\"");
  if (chown(path.c_str(), static_cast<uid_t>(-1), found->gr_gid) != 0) {
    return fail(ErrorCode::forbidden,
                "cannot give " + path + " to group " + options.group + ": " + std::strerror(errno));
  }
  return {};
}

Status bind_one(Port& port, const std::string& endpoint) {
  // Also checked at the start, but vaultd may have waited for a database since.
  const auto obstacle = is_ipc(endpoint) ? find_obstacle(ipc_path(endpoint)) : std::nullopt;
  if (obstacle) return fail(ErrorCode::invalid_argument, ipc_path(endpoint) + " is " + *obstacle);
  port.socket.set(zmq::sockopt::ipv6, needs_ipv6(endpoint));
  try {
    port.socket.bind(endpoint);
  } catch (const zmq::error_t& error) {
    const ErrorCode code = error.num() == EACCES ? ErrorCode::forbidden : ErrorCode::invalid_argument;
    return fail(code, "cannot bind " + endpoint + ": " + error.what());
  }
  port.endpoints.push_back(port.socket.get(zmq::sockopt::last_endpoint));
  return {};
}

zmq::socket_type type_of(SocketKind kind) {
  switch (kind) {
    case SocketKind::ingest:
      return zmq::socket_type::pull;
    case SocketKind::events:
      return zmq::socket_type::pub;
    case SocketKind::requests:
    case SocketKind::zap:
      break;
  }
  return zmq::socket_type::router;
}

GuardedSocket guarded_socket(SocketKind kind) {
  switch (kind) {
    case SocketKind::requests:
      return GuardedSocket::requests;
    case SocketKind::ingest:
      return GuardedSocket::ingest;
    case SocketKind::events:
      return GuardedSocket::events;
    case SocketKind::zap:
      break;
  }
  return GuardedSocket::none;
}

// Binds ipc endpoints first, without CURVE, then tcp ones with it: an endpoint copies the socket's options when it is
// bound.
Status bind_all(Port& port, const SocketOptions& options) {
  for (const std::string& endpoint : options.endpoints) {
    if (!is_ipc(endpoint)) continue;
    if (const Status bound = bind_one(port, endpoint); !bound) return bound;
    if (ipc_path(endpoint).front() == '@') continue;
    if (const Status set = set_access(endpoint, options); !set) return set;
  }
  if (options.curve) {
    zmq::socket_t& socket = port.socket;
    socket.set(zmq::sockopt::curve_server, true);
    socket.set(zmq::sockopt::curve_secretkey, options.curve->secret_key);
    socket.set(zmq::sockopt::zap_domain, options.domain);
    const int on = 1;
    if (zmq_setsockopt(socket.handle(), zap_enforce_domain, &on, sizeof on) != 0) {
      return fail(ErrorCode::internal, "this libzmq cannot enforce ZAP domains; CURVE would not be safe");
    }
    HandshakeWatch::watch(socket, options.domain);
  }
  for (const std::string& endpoint : options.endpoints) {
    if (is_ipc(endpoint)) continue;
    if (const Status bound = bind_one(port, endpoint); !bound) return bound;
  }
  return {};
}

}  // namespace

Status EndpointLocks::lock(const std::string& endpoint) {
  if (!is_ipc(endpoint)) return {};  // a tcp port cannot be stolen
  const std::string path = ipc_path(endpoint);
  if (path.empty() || path.size() > ipc_path_max) {
    return fail(ErrorCode::invalid_argument,
                endpoint + ": the path of an ipc endpoint has 1 to " + std::to_string(ipc_path_max) + " bytes");
  }
  if (path.front() == '@') return {};  // abstract: binding it twice fails by itself
  const std::string lock_path = path + ".lock";
  UniqueFd file(open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) {
    const bool no_right = errno == EACCES || errno == EPERM || errno == EROFS;
    return fail(no_right ? ErrorCode::forbidden : ErrorCode::invalid_argument,
                endpoint + ": cannot make " + lock_path + ": " + std::strerror(errno) + ". Choose another endpoint");
  }
  if (flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    return fail(ErrorCode::invalid_argument, endpoint + " is in use by another vaultd");
  }
  files_.push_back(std::move(file));
  return {};
}

Result<Port> open_port(zmq::context_t& context, SocketKind kind, const SocketOptions& options) {
  const PeerGuard::Binding guarded(guarded_socket(kind));
  Port port{kind, zmq::socket_t(context, type_of(kind))};
  if (kind == SocketKind::requests || kind == SocketKind::ingest) {
    port.taken = [](int descriptor, std::size_t frames) { peer_guard().taken(descriptor, frames); };
  }
  zmq::socket_t& socket = port.socket;
  socket.set(zmq::sockopt::linger, 2'000);
  socket.set(zmq::sockopt::sndhwm, options.high_water_mark);
  if (kind == SocketKind::requests) socket.set(zmq::sockopt::router_mandatory, true);
  if (options.handover) socket.set(zmq::sockopt::router_handover, true);
  if (const Status bound = bind_all(port, options); !bound) {
    return fail(bound.error().code, options.domain + ": " + bound.error().message, options.domain);
  }
  return port;
}

std::vector<SocketOptions> request_sockets(SocketOptions options) {
  std::vector<SocketOptions> sockets;
  SocketOptions with_keys = options;
  if (options.curve) {
    std::erase_if(options.endpoints, [](const std::string& endpoint) { return !is_ipc(endpoint); });
    std::erase_if(with_keys.endpoints, is_ipc);
  }
  options.handover = true;
  options.curve.reset();
  sockets.push_back(options);
  if (with_keys.curve && !with_keys.endpoints.empty()) sockets.push_back(with_keys);
  return sockets;
}

Result<Port> open_zap_port(zmq::context_t& context) {
  Port port{SocketKind::zap, zmq::socket_t(context, zmq::socket_type::router)};
  port.socket.set(zmq::sockopt::linger, 0);
  if (const Status bound = bind_one(port, "inproc://zeromq.zap.01"); !bound) return tl::unexpected(bound.error());
  port.endpoints.clear();  // they stay bound until the context is closed
  return port;
}

Result<ServerKey> make_unknown_key() {
  std::array<char, 41> public_key{}, secret_key{};
  if (zmq_curve_keypair(public_key.data(), secret_key.data()) != 0) {
    return fail(ErrorCode::internal, "libzmq was built without CURVE");
  }
  return ServerKey{public_key.data(), secret_key.data()};
}

Status test_unknown_key_is_refused(zmq::context_t& context, const std::string& endpoint, const ServerKey& server,
                                   const ServerKey& unknown) {
  try {
    zmq::socket_t socket(context, zmq::socket_type::dealer);
    socket.set(zmq::sockopt::linger, 0);
    socket.set(zmq::sockopt::curve_serverkey, server.public_key);
    socket.set(zmq::sockopt::curve_publickey, unknown.public_key);
    socket.set(zmq::sockopt::curve_secretkey, unknown.secret_key);
    const char* watch_address = "inproc://curve-self-test";
    const int events = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                       ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;
    if (zmq_socket_monitor(socket.handle(), watch_address, events) != 0) {
      return fail(ErrorCode::internal, "the CURVE self-test cannot watch its socket");
    }
    zmq::socket_t watch(context, zmq::socket_type::pair);
    watch.set(zmq::sockopt::linger, 0);
    watch.set(zmq::sockopt::rcvtimeo, 5'000);
    watch.connect(watch_address);
    socket.set(zmq::sockopt::ipv6, needs_ipv6(endpoint));
    socket.connect(endpoint);
    zmq::message_t event;
    if (!watch.recv(event)) return fail(ErrorCode::internal, "the CURVE self-test got no answer at " + endpoint);
    std::uint16_t kind = 0;
    std::memcpy(&kind, event.data(), sizeof kind);
    zmq_socket_monitor(socket.handle(), nullptr, 0);
    if (kind == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) return {};
    return fail(ErrorCode::internal,
                kind == ZMQ_EVENT_HANDSHAKE_SUCCEEDED
                    ? endpoint + " accepts keys that nobody has authorised"
                    : "the CURVE handshake failed at " + endpoint + " before any key was looked at");
  } catch (const zmq::error_t& error) {
    return fail(ErrorCode::internal, std::string("the CURVE self-test failed: ") + error.what());
  }
}

}  // namespace vault
