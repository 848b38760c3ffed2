// Tests whether a plain connection to an endpoint is possible, because ZeroMQ retries for ever and does not say why it
// fails.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace vault {

// The reason why a plain connection to an endpoint fails.
struct Unreachable {
  std::string reason;     // the system's message
  bool may_pass = true;   // false: trying again does not help (unknown host name)
  bool no_right = false;  // permission denied by the socket's mode
};
// Makes one attempt, of at most `patience` per address; nullopt if it succeeds, or if the endpoint cannot be tested.
// Looks up a host name, which may ask DNS.
std::optional<Unreachable> try_endpoint(const std::string& endpoint, std::chrono::milliseconds patience);

}  // namespace vault
