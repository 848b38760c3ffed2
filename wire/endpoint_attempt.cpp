#include "wire/endpoint_attempt.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

#include "os/file_descriptor.hpp"
#include "wire/endpoint_family.hpp"

namespace vault {
namespace {

using std::chrono::milliseconds;

// 0 or the errno of the attempt.
int try_address(const sockaddr* address, socklen_t size, milliseconds patience) {
  const UniqueFd socket(::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return errno;
  int outcome = ::connect(socket.get(), address, size) == 0 ? 0 : errno;
  if (outcome == EINPROGRESS) {
    pollfd waiting{socket.get(), POLLOUT, 0};
    socklen_t length = sizeof outcome;
    if (::poll(&waiting, 1, static_cast<int>(patience.count())) <= 0) {
      outcome = ETIMEDOUT;
    } else if (getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &outcome, &length) != 0) {
      outcome = errno;
    }
  }
  return outcome == EAGAIN ? 0 : outcome;  // EAGAIN: a listener whose backlog is full at the moment
}

std::optional<Unreachable> told(int failure) {
  if (failure == 0) return std::nullopt;
  const bool no_right = failure == EACCES || failure == EPERM;
  return Unreachable{std::strerror(failure), !no_right, no_right};
}

std::optional<Unreachable> try_ipc(const std::string& path, milliseconds patience) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) return told(ENAMETOOLONG);
  std::memcpy(address.sun_path, path.data(), path.size());
  socklen_t size = sizeof(address);
  if (path.front() == '@') {  // abstract
    address.sun_path[0] = '\0';
    size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  }
  return told(try_address(reinterpret_cast<const sockaddr*>(&address), size, patience));
}

std::optional<Unreachable> try_tcp(const std::string& place, milliseconds patience) {
  const std::size_t colon = place.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  std::string host = place.substr(0, colon);
  host = host.substr(host.rfind(';') == std::string::npos ? 0 : host.rfind(';') + 1);  // source;destination
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int failure = getaddrinfo(host.c_str(), place.substr(colon + 1).c_str(), &hints, &found);
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(failure == 0 ? found : nullptr, freeaddrinfo);
  if (failure != 0) {
    return Unreachable{fmt::format("{}: {}", host, gai_strerror(failure)), failure == EAI_AGAIN, false};
  }
  std::optional<Unreachable> first;
  for (const addrinfo* one = addresses.get(); one != nullptr; one = one->ai_next) {
    auto outcome = told(try_address(one->ai_addr, one->ai_addrlen, patience));
    if (!outcome) return std::nullopt;
    if (!first) first = std::move(outcome);
  }
  return first;
}

}  // namespace

std::optional<Unreachable> try_endpoint(const std::string& endpoint, milliseconds patience) {
  if (endpoint.starts_with(ipc_scheme)) return try_ipc(endpoint.substr(ipc_scheme.size()), patience);
  if (endpoint.starts_with(tcp_scheme)) return try_tcp(endpoint.substr(tcp_scheme.size()), patience);
  return std::nullopt;
}

}  // namespace vault
