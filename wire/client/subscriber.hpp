// Follows vaultd's PUB socket (docs/protocol.md, "Events"). Part of the client library (CMake target vault_client).
//
// A Subscriber takes every event unless told otherwise: `seq` counts all events, so only then does a gap in it mean
// that events were lost. Filter the output by topic. Belongs to one thread. No exceptions.
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
  // Prefixes of topics; none: all. With any set, `missed` stays 0, since `seq` also counts the other events.
  std::vector<std::string> topics{};
};

struct ReceivedEvent {
  std::string topic;
  std::string body;  // MessagePack map
  std::string name;  // member `event`: the topic up to its first dot
  std::uint64_t seq = 0;
  std::uint64_t missed = 0;              // events lost between the previous one and this one
  bool restarted = false;                // `seq` began anew: vaultd was restarted, and any number of events may be lost
  std::optional<std::int64_t> sequence;  // member `sequence`: that of an entry, a receipt or a heartbeat's head
};

class Subscriber {
 public:
  // Connecting waits for nothing, and events published before the connection stands are missed: connect first, then ask
  // for the head, and fill the gap by `list`. Error: invalid_argument (a bad endpoint or key).
  static Result<std::unique_ptr<Subscriber>> connect(const SubscriberOptions& options);
  ~Subscriber();
  Subscriber(const Subscriber&) = delete;
  Subscriber& operator=(const Subscriber&) = delete;

  // The next event; nullopt if none came within `timeout` or a signal arrived. Messages that are not events of this
  // protocol are skipped. Error: internal (ZeroMQ failed).
  Result<std::optional<ReceivedEvent>> next(std::chrono::milliseconds timeout);

 private:
  struct Impl;
  explicit Subscriber(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace vault
