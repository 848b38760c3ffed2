// Binds endpoints safely. A lock file beside an ipc socket keeps a second vaultd from stealing it; tcp endpoints use
// CURVE once a server key is configured, ipc ones never do.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "actors/runtime/shell.hpp"
#include "ledger/result.hpp"
#include "os/file_descriptor.hpp"

namespace vault {

// A CURVE key pair in Z85, as `vaultctl keygen --curve` writes it.
struct ServerKey {
  std::string public_key;
  std::string secret_key;
};

struct SocketOptions {
  std::vector<std::string> endpoints;
  std::string domain;  // ZAP domain: "requests", "ingest", "events"
  unsigned mode = 0660;
  std::string group;
  std::optional<ServerKey> curve;
  int high_water_mark = 1'000;
  bool handover = false;  // requests: a new connection takes over a routing id from an old one
};

// Locks of ipc endpoints, held as long as the object lives.
class EndpointLocks {
 public:
  // Error: invalid_argument naming the endpoint: in use by another vaultd, path too long, no such directory.
  Status lock(const std::string& endpoint);

 private:
  std::vector<UniqueFd> files_;
};

// Makes the socket, binds every endpoint, sets modes. Errors, with the setting (`domain`) and the endpoint in the
// message: invalid_argument (no such address, in use, not a socket at that path), forbidden, or internal (libzmq cannot
// do what CURVE needs).
Result<Port> open_port(zmq::context_t& context, SocketKind kind, const SocketOptions& options);
// One ROUTER for peers without keys, one for those with keys. Among the first, whoever has reached the socket has every
// role, and a restarted producer takes over its routing id from a connection that hangs. Among the second, a key must
// not receive another one's messages by claiming its routing id. The last one has the tcp endpoints.
std::vector<SocketOptions> request_sockets(SocketOptions options);
// The ZAP handler's socket.
Result<Port> open_zap_port(zmq::context_t& context);

// A new pair for the test below. Error: internal.
Result<ServerKey> make_unknown_key();
// Connects with `unknown`, a key that nobody has authorised; OK only if it is refused. CURVE without a working ZAP
// handler would let everyone in. Error: internal saying what happened instead.
Status test_unknown_key_is_refused(zmq::context_t& context, const std::string& endpoint, const ServerKey& server,
                                   const ServerKey& unknown);

}  // namespace vault
