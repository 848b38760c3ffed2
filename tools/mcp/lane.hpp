// Calls on their way to vaultd: carried out one after the other, in the order in which they came, in a thread of the
// lane's own. So whoever seals and then reads finds what was sealed, without waiting for the first reply.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <thread>

#include "tools/mcp/calls.hpp"
#include "tools/mcp/outbox.hpp"

namespace vault::mcp {

class Lane {
 public:
  // With `for_verify`, verifications are handed on to that lane when their turn comes: they may take minutes, and
  // nobody else should wait for them. `vault` is used by the lane's thread alone.
  Lane(VaultCalls& vault, Outbox& outbox, Lane* for_verify = nullptr);
  ~Lane();  // waits for the calls that are here
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  // Waits while the lane is full.
  void put(ToolCall call);
  // Waits until every call was answered: true. False: none was, and none got on, for `patience`.
  bool finish(std::chrono::milliseconds patience);

 private:
  static constexpr std::size_t calls_waiting_max = 64;
  static constexpr std::size_t bytes_waiting_max = std::size_t{32} << 20;  // of payloads; one call may always wait

  void run();
  void carry_out(ToolCall call);
  void went_on();

  VaultCalls& vault_;
  Outbox& outbox_;
  Lane* for_verify_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<ToolCall> calls_;
  std::size_t bytes_waiting_ = 0;
  std::size_t signs_of_life_ = 0;  // calls that were answered, and news of those under way
  bool busy_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace vault::mcp
