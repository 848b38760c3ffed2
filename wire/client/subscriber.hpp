// Follows vaultd's PUB socket (docs/protocol.md, "Events"). Part of the client library (CMake target vault_client).
//
// A Subscriber takes every event unless it is told which: `seq` counts all of them, so only so does a hole in it mean
// that events were lost. Filter what comes out by topic. Belongs to one thread. No exceptions.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ledger/result.hpp"
#include "wire/client/client.hpp"

namespace vault {

struct SubscriberOptions {
  std::string endpoint = "ipc:///run/vaultd/events";
  std::optional<CurveKeys> curve;
  // Topics by their beginnings; none: all. With some, `missed` stays 0, since `seq` counts the others too.
  std::vector<std::string> topics{};
};

struct ReceivedEvent {
  std::string topic;
  std::string body;  // MessagePack map
  std::string name;  // member `event`: the topic up to its first dot
  std::uint64_t seq = 0;
  std::uint64_t missed = 0;              // events lost between the one before and this one
  bool restarted = false;                // `seq` began anew: another run of vaultd, and any number may be lost
  std::optional<std::int64_t> sequence;  // member `sequence`: that of an entry, a receipt or a heartbeat's head
};

class Subscriber {
 public:
  // Connecting waits for nothing, and what is published before the connection stands is missed: connect first, ask for
  // the head then, and fill what lies between by `list`. Error: invalid_argument (a bad endpoint or key).
  static Result<std::unique_ptr<Subscriber>> connect(const SubscriberOptions& options);
  ~Subscriber();
  Subscriber(const Subscriber&) = delete;
  Subscriber& operator=(const Subscriber&) = delete;

  // The next event; nullopt if none came within `timeout` or a signal arrived. Messages that are no events of this
  // protocol are skipped. Error: internal (ZeroMQ failed).
  Result<std::optional<ReceivedEvent>> next(std::chrono::milliseconds timeout);

 private:
  struct Impl;
  explicit Subscriber(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace vault
