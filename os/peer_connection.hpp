// The connection on which a request came, so that work for a client that has gone can be given up. ZeroMQ tells of a
// lost peer only when something is sent to it; a REQ client must be sent nothing but its reply.
#pragma once

#include <cstdint>

namespace vault {

// The descriptor that ZeroMQ's own thread holds, and the socket that it was when the request came: numbers of
// descriptors are used again. Plain data; owns nothing.
struct PeerConnection {
  int descriptor = -1;  // -1: not known
  std::uint64_t inode = 0;
};

// As it stands now. `descriptor` < 0, or one that is closed already, gives a connection that is not known.
PeerConnection connection_of(int descriptor);

// The connection has been closed since. False for one that is not known. Cost: a system call.
bool is_closed(const PeerConnection& connection);

}  // namespace vault
