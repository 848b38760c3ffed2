// The system's clock, in the ledger's unit of time.
#pragma once

#include <cstdint>

namespace vault {

// Microseconds since the Unix epoch, UTC, as in a Timestamp. Jumps when somebody sets the clock.
std::int64_t wall_clock_micros();

}  // namespace vault
