// Notifications for systemd (sd_notify). Does nothing without a service manager.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace vault {

void notify_ready();
void notify_stopping();
// RELOADING with the monotonic timestamp; notify_ready() ends it.
void notify_reloading();
void notify_status(const std::string& text);
void feed_watchdog();
// Half of WATCHDOG_USEC, or nullopt if no watchdog is set.
std::optional<std::chrono::microseconds> watchdog_interval();

}  // namespace vault
