// Identifies the connection on which a request arrived, so that work can be abandoned once the client has gone. ZeroMQ
// reports a lost peer only when something is sent to it, and a REQ client must be sent nothing but its reply.
#pragma once

#include <cstdint>

namespace vault {

// The descriptor held by ZeroMQ's own thread, and the identity of its socket when the request arrived, since descriptor
// numbers are reused. Plain data; owns nothing.
struct PeerConnection {
  int descriptor = -1;  // -1: unknown
  std::uint64_t inode = 0;
};

// The connection's current state. A negative or closed `descriptor` gives an unknown connection.
PeerConnection connection_of(int descriptor);

// True if the connection has been closed since. False for an unknown one. Cost: one system call.
bool is_closed(const PeerConnection& connection);

}  // namespace vault
