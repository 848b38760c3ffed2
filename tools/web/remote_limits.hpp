// Limits for one remote address: concurrent connections, and requests a second. Loopback, where a reverse proxy runs,
// only counts towards the totals. Belongs to one thread; has no clock of its own.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <unordered_map>

namespace vault::web {

class RemoteLimits {
 public:
  using Instant = std::chrono::steady_clock::time_point;

  RemoteLimits(std::size_t connections_max, double requests_a_second)
      : connections_max_(connections_max), rate_(requests_a_second) {}

  // False: it has as many connections as allowed. Every true must be followed by a disconnect().
  bool connect(const std::string& address, Instant now);
  void disconnect(const std::string& address);
  // False: more than its share in this second (that many may arrive at once).
  bool request(const std::string& address, Instant now);

  std::size_t addresses() const { return remotes_.size(); }

 private:
  struct Remote {
    std::size_t connections = 0;
    double tokens = 0;
    Instant at;
  };
  void refill(Remote& remote, Instant now) const;
  void forget_idle(Instant now);

  std::size_t connections_max_;
  double rate_;
  // Addresses with connections, or seen within the last second: bounded by the connections and the requests of a
  // second.
  std::unordered_map<std::string, Remote> remotes_;
  Instant swept_{};
};

// The address by which limits count: for IPv6 the first 64 bits, since a host owns all addresses below. `address` is in
// inet_ntop's form; an IPv4 address that arrived over IPv6 ("::ffff:…") counts as that IPv4 address.
std::string limited_address(const std::string& address);

}  // namespace vault::web
