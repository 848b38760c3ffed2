// Kinds of endpoints, and the choice of IPv4 or IPv6, which must be set on each ZeroMQ socket.
#pragma once

#include <string>
#include <string_view>

namespace vault {

inline constexpr std::string_view ipc_scheme = "ipc://", tcp_scheme = "tcp://";

// Whether ZMQ_IPV6 must be set before binding or connecting to `endpoint`: for an IPv6 address, and for a name that has
// only IPv6 addresses. With it, ZeroMQ uses a name's IPv6 address and no other, so a name that has both (localhost) is
// reached by IPv4, and an interface's name is bound by IPv4. Looks up a host name, which may ask DNS.
bool needs_ipv6(const std::string& endpoint);

}  // namespace vault
