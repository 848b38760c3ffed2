// The log: one line per event. Never write payloads or secrets to it.
//
//     log_info("writer", "lease taken", {{"epoch", 7}});
#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace vault {

enum class LogLevel { trace, debug, info, warning, error };

// Events that programs may search for, whatever the wording of the message: `event` in JSON, MESSAGE_ID in the journal.
enum class LogEvent : std::uint8_t {
  none,
  starting,
  ready,
  state_changed,
  stopping,
  settings_reloaded,
  alert_raised,
  alert_cleared,
  lease_taken,
};

// A name and a value; numbers and booleans keep their type if the format has it.
struct LogField {
  std::string_view key;
  std::string value;
  bool bare = false;  // a number or a boolean

  LogField(std::string_view name, std::string text) : key(name), value(std::move(text)) {}
  LogField(std::string_view name, std::string_view text) : key(name), value(text) {}
  LogField(std::string_view name, const char* text) : key(name), value(text) {}
  template <std::integral T>
  LogField(std::string_view name, T number) : key(name), bare(true) {
    if constexpr (std::is_same_v<T, bool>) {
      value = number ? "true" : "false";
    } else {
      value = std::to_string(number);
    }
  }
};
using LogFields = std::initializer_list<LogField>;

// Whether a line of this level would be written; ask before making its fields if they are expensive. Costs one load.
inline std::atomic<LogLevel> log_threshold{LogLevel::info};
inline bool log_enabled(LogLevel level) {
  return level >= log_threshold.load(std::memory_order_relaxed);
}

void log(LogLevel level, std::string_view component, std::string_view message, LogFields fields = {},
         LogEvent event = LogEvent::none);

// For what recurs by itself: renewals, checkpoints, steps of the auditor.
inline void log_trace(std::string_view c, std::string_view m, LogFields f = {}) {
  log(LogLevel::trace, c, m, f);
}
// For the steps of a request.
inline void log_debug(std::string_view c, std::string_view m, LogFields f = {}) {
  log(LogLevel::debug, c, m, f);
}
inline void log_info(std::string_view c, std::string_view m, LogFields f = {}, LogEvent event = LogEvent::none) {
  log(LogLevel::info, c, m, f, event);
}
inline void log_warning(std::string_view c, std::string_view m, LogFields f = {}, LogEvent event = LogEvent::none) {
  log(LogLevel::warning, c, m, f, event);
}
inline void log_error(std::string_view c, std::string_view m, LogFields f = {}, LogEvent event = LogEvent::none) {
  log(LogLevel::error, c, m, f, event);
}

struct LogLine {
  LogLevel level;
  LogEvent event;
  std::string_view component, message;
  LogFields fields;
};
// Destination of log lines. nullptr (the start): nowhere, so that handlers run silently in the simulator.
using LogSink = void (*)(const LogLine& line);
void set_log_sink(LogSink sink);

}  // namespace vault
