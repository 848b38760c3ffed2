// The system's clock, as the ledger counts time.
#pragma once

#include <cstdint>

namespace vault {

// Microseconds since the Unix epoch, UTC: what a Timestamp holds. It jumps where somebody sets the clock.
std::int64_t wall_clock_micros();

}  // namespace vault
