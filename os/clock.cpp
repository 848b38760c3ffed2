#include "os/clock.hpp"

#include <chrono>

namespace vault {

std::int64_t wall_clock_micros() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(since).count();
}

}  // namespace vault
