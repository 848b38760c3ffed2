// What kind of endpoint one is; and IPv4 or IPv6, which a ZeroMQ socket has to be told for each.
#pragma once

#include <string>
#include <string_view>

namespace vault {

inline constexpr std::string_view ipc_scheme = "ipc://", tcp_scheme = "tcp://";

// Whether ZMQ_IPV6 is to be set before binding or connecting to `endpoint`: for an IPv6 address, and for a name that
// has IPv6 addresses only. With it ZeroMQ takes a name's IPv6 address and no other, so a name that has both (localhost)
// is reached by IPv4, and an interface's name is bound by IPv4. Looks a name up, which may ask DNS.
bool needs_ipv6(const std::string& endpoint);

}  // namespace vault
