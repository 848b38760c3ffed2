// A bounded busy poll before a thread sleeps.
//
// An idle processor goes to sleep, and waking it takes time: 20 us and more on a virtual machine. Where that matters
// more than processor time, the thread that waits for the database polls for a while before it sleeps; whatever arrives
// meanwhile finds it awake.
#pragma once

#include <poll.h>

#include <chrono>
#include <span>

namespace vault {

// Like poll(2), with the same result: waits until a descriptor is ready, at most `timeout`. For the first `busy` of it
// the caller stays awake, and yields the processor in every turn; zero: not at all.
int poll_awake_first(std::span<pollfd> descriptors, std::chrono::microseconds busy, std::chrono::milliseconds timeout);

}  // namespace vault
