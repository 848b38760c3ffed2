// How much one remote address may have: connections at a time, requests a second. Loopback, where the reverse proxy is,
// counts against the whole only. Belongs to one thread; knows no clock.
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

  // False: it has as many connections as it may. Every true is followed by a disconnect().
  bool connect(const std::string& address, Instant now);
  void disconnect(const std::string& address);
  // False: more than its share in this second (as much may come at once).
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
  // With connections, or seen within the last second: bounded by the connections and what a second brings.
  std::unordered_map<std::string, Remote> remotes_;
  Instant swept_{};
};

// The one that limits count by: of IPv6 the first 64 bits, since a host has all that follow. `address` as inet_ntop
// prints it; an IPv4 address that came over IPv6 ("::ffff:…") is that IPv4 address.
std::string limited_address(const std::string& address);

}  // namespace vault::web
