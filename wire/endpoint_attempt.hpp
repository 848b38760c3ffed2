// Whether a plain connection to an endpoint can be had: ZeroMQ tries for ever, and does not tell why it fails.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace vault {

// Why a plain connection to an endpoint fails.
struct Unreachable {
  std::string reason;     // the system's words
  bool may_pass = true;   // false: trying again does not help (a name that nobody knows)
  bool no_right = false;  // the socket's mode
};
// One attempt, of at most `patience` an address; nullopt where it succeeds, or where the endpoint is none that can be
// tried. Looks a name up, which may ask DNS.
std::optional<Unreachable> try_endpoint(const std::string& endpoint, std::chrono::milliseconds patience);

}  // namespace vault
