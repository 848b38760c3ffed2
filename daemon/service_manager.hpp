// What systemd wants to hear (sd_notify). Silent where there is no service manager.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace vault {

void notify_ready();
void notify_stopping();
// RELOADING with the monotonic stamp; notify_ready() ends it.
void notify_reloading();
void notify_status(const std::string& text);
void feed_watchdog();
// Half of WATCHDOG_USEC, or nullopt where no watchdog is set.
std::optional<std::chrono::microseconds> watchdog_interval();

}  // namespace vault
