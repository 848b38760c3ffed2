#include "actors/runtime/busy_poll.hpp"

#include <sched.h>

#include <algorithm>

namespace vault {

using std::chrono::microseconds;
using std::chrono::milliseconds;

int poll_awake_first(std::span<pollfd> descriptors, microseconds busy, milliseconds timeout) {
  using Clock = std::chrono::steady_clock;
  milliseconds left = timeout;
  if (busy.count() > 0 && timeout.count() > 0) {
    const auto start = Clock::now();
    const auto end = start + std::min<microseconds>(busy, timeout);
    do {
      if (const int ready = ::poll(descriptors.data(), descriptors.size(), 0); ready != 0) return ready;
      sched_yield();
    } while (Clock::now() < end);
    left = std::max(std::chrono::ceil<milliseconds>(start + timeout - Clock::now()), milliseconds(0));
  }
  return ::poll(descriptors.data(), descriptors.size(), static_cast<int>(left.count()));
}

}  // namespace vault
