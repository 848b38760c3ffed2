// A bounded poll before a thread sleeps.
//
// A processor with nothing to do falls asleep, and waking it takes time: 20 us and more on a virtual machine. Where
// that matters more than processor time, the thread that waits for the database looks again and again for a while
// before it sleeps; what arrives meanwhile finds it awake.
#pragma once

#include <poll.h>

#include <chrono>
#include <span>

namespace vault {

// Like poll(2), and for the same answer: waits until a descriptor is ready, at most `timeout`. The first `busy` of it
// the caller stays awake, and yields the processor in every turn; zero: none of it.
int poll_awake_first(std::span<pollfd> descriptors, std::chrono::microseconds busy, std::chrono::milliseconds timeout);

}  // namespace vault
