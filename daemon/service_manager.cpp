#include "daemon/service_manager.hpp"

#include <fmt/format.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include <algorithm>

namespace vault {
namespace {

// The result does not matter: nothing can be done about a service manager that does not listen.
void notify(const std::string& state) {
  sd_notify(0, state.c_str());
}

}  // namespace

void notify_ready() {
  notify("READY=1");
}

void notify_stopping() {
  notify("STOPPING=1");
}

void notify_reloading() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  notify(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", now.tv_sec * 1'000'000 + now.tv_nsec / 1'000));
}

void notify_status(const std::string& text) {
  std::string line = text;
  std::replace(line.begin(), line.end(), '\n', ' ');  // a new line would begin another assignment
  notify("STATUS=" + line);
}

void feed_watchdog() {
  notify("WATCHDOG=1");
}

std::optional<std::chrono::microseconds> watchdog_interval() {
  std::uint64_t usec = 0;
  if (sd_watchdog_enabled(0, &usec) <= 0) return std::nullopt;
  return std::chrono::microseconds(usec / 2);
}

}  // namespace vault
