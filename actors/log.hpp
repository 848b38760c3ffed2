// What actors say to the log: one line an event. Payloads and secrets never go here.
//
//   log_info("writer", "lease taken", {{"epoch", "7"}});
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace vault {

enum class LogLevel { trace, debug, info, warning, error };

using LogFields = std::initializer_list<std::pair<std::string_view, std::string>>;

void log(LogLevel level, std::string_view component, std::string_view message, LogFields fields = {});

inline void log_debug(std::string_view c, std::string_view m, LogFields f = {}) {
  log(LogLevel::debug, c, m, f);
}
inline void log_info(std::string_view c, std::string_view m, LogFields f = {}) {
  log(LogLevel::info, c, m, f);
}
inline void log_warning(std::string_view c, std::string_view m, LogFields f = {}) {
  log(LogLevel::warning, c, m, f);
}
inline void log_error(std::string_view c, std::string_view m, LogFields f = {}) {
  log(LogLevel::error, c, m, f);
}

// Where lines go. nullptr (the start): nowhere, so that handlers run silently in the simulator.
using LogSink = void (*)(LogLevel, std::string_view component, std::string_view message, LogFields fields);
void set_log_sink(LogSink sink);

}  // namespace vault
