#include "os/log.hpp"

namespace vault {
namespace {
std::atomic<LogSink> sink_function{nullptr};
}  // namespace

void log(LogLevel level, std::string_view component, std::string_view message, LogFields fields, LogEvent event) {
  if (!log_enabled(level)) return;
  if (const LogSink sink = sink_function.load(std::memory_order_acquire)) {
    sink({level, event, component, message, fields});
  }
}

void set_log_sink(LogSink sink) {
  sink_function.store(sink, std::memory_order_release);
}

}  // namespace vault
