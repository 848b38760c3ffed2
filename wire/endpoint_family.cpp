#include "wire/endpoint_family.hpp"

#include <net/if.h>
#include <netdb.h>
#include <sys/socket.h>

#include <memory>
#include <string_view>

namespace vault {
namespace {

using Addresses = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

Addresses look_up(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) found = nullptr;
  return {found, freeaddrinfo};
}

}  // namespace

bool needs_ipv6(const std::string& endpoint) {
  if (!endpoint.starts_with(tcp_scheme)) return false;
  const std::size_t colon = endpoint.rfind(':');
  if (colon < tcp_scheme.size()) return false;
  const std::string host = endpoint.substr(tcp_scheme.size(), colon - tcp_scheme.size());
  if (host.find(':') != std::string::npos) return true;  // in brackets or not
  if (host.empty() || host == "*" || if_nametoindex(host.c_str()) != 0) return false;
  const Addresses found = look_up(host);
  for (const addrinfo* one = found.get(); one != nullptr; one = one->ai_next) {
    if (one->ai_family == AF_INET) return false;
  }
  return found != nullptr;
}

}  // namespace vault
