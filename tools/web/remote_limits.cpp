#include "tools/web/remote_limits.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

namespace vault::web {

void RemoteLimits::refill(Remote& remote, Instant now) const {
  const double passed = std::chrono::duration<double>(now - remote.at).count();
  remote.tokens = std::min(rate_, remote.tokens + passed * rate_);
  remote.at = now;
}

void RemoteLimits::forget_idle(Instant now) {
  if (now - swept_ < std::chrono::seconds(1)) return;
  swept_ = now;
  std::erase_if(remotes_, [&](const auto& one) {
    return one.second.connections == 0 && now - one.second.at > std::chrono::seconds(1);
  });
}

bool RemoteLimits::connect(const std::string& address, Instant now) {
  forget_idle(now);
  const auto [found, fresh] = remotes_.try_emplace(address);
  if (fresh) found->second = {0, rate_, now};
  if (found->second.connections >= connections_max_) return false;
  ++found->second.connections;
  return true;
}

void RemoteLimits::disconnect(const std::string& address) {
  const auto found = remotes_.find(address);
  if (found != remotes_.end() && found->second.connections > 0) --found->second.connections;
}

bool RemoteLimits::request(const std::string& address, Instant now) {
  const auto [found, fresh] = remotes_.try_emplace(address);
  if (fresh) found->second = {0, rate_, now};
  refill(found->second, now);
  if (found->second.tokens < 1) return false;
  found->second.tokens -= 1;
  return true;
}

std::string limited_address(const std::string& address) {
  std::array<unsigned char, 16> bytes{};
  if (::inet_pton(AF_INET6, address.c_str(), bytes.data()) != 1) return address;
  constexpr std::array<unsigned char, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (std::equal(mapped.begin(), mapped.end(), bytes.begin())) {
    return ::inet_ntop(AF_INET, bytes.data() + 12, text.data(), text.size());
  }
  std::fill(bytes.begin() + 8, bytes.end(), 0);
  return ::inet_ntop(AF_INET6, bytes.data(), text.data(), text.size());
}

}  // namespace vault::web
