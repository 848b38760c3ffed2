// Calls waiting for vaultd: performed one after the other, in the order of their arrival, on the lane's own thread. So
// a host that seals and then reads finds the sealed entry without waiting for the first reply.
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
  // With `for_verify`, verifications are passed on to that lane when their turn comes: they may take minutes, and other
  // calls should not wait for them. `vault` is used only by the lane's thread.
  Lane(VaultCalls& vault, Outbox& outbox, Lane* for_verify = nullptr);
  ~Lane();  // waits for the calls in the lane
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  // Waits while the lane is full.
  void put(ToolCall call);
  // Waits until every call has been answered: true. False: for `patience`, none was answered and none made progress.
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
  std::size_t signs_of_life_ = 0;  // answered calls, and progress of those under way
  bool busy_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace vault::mcp
