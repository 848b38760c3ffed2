// Counts the bytes that vaultd has sent and ZeroMQ still holds, for each peer and in total. ZeroMQ's own marks count
// messages, and a page of a ledger is ten thousand times as large as a receipt.
//
// Belongs to the sending thread; ZeroMQ's thread returns the bytes when it has released a message.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <unordered_map>
#include <zmq.hpp>

#include "actors/actor.hpp"

namespace vault {

struct UnreadLimits {
  std::size_t peer_bytes = std::size_t{16} << 20;    // a peer that leaves this much unread gets nothing more
  std::size_t all_bytes = std::size_t{64} << 20;     // of all peers; beyond this, only a modest peer gets more
  std::size_t modest_bytes = std::size_t{64} << 10;  // a modest peer leaves less than this unread
};

class UnreadReplies {
 public:
  explicit UnreadReplies(const UnreadLimits& limits = {}) : limits_(limits) {}

  // Whether something more may be sent to this peer. The last message may exceed the limit.
  bool fits(const std::string& peer) const;
  // A message that counts until ZeroMQ frees it. One allocation; the text is not copied.
  zmq::message_t count(std::string text, const std::string& peer);
  Unread of(const std::string& peer) const;

 private:
  using Bytes = std::atomic<std::size_t>;
  struct Held;
  void forget_idle();

  UnreadLimits limits_;
  std::shared_ptr<Bytes> all_ = std::make_shared<Bytes>(0);
  std::unordered_map<std::string, std::shared_ptr<Bytes>> peers_;
  std::size_t forget_at_ = 1'024;  // number of known peers at which to forget those that have read everything
};

}  // namespace vault
