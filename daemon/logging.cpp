#include "daemon/logging.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <boost/core/null_deleter.hpp>
#include <boost/log/attributes/value_extraction.hpp>
#include <boost/log/core.hpp>
#include <boost/log/expressions/record.hpp>
#include <boost/log/sinks/sync_frontend.hpp>
#include <boost/log/sinks/text_ostream_backend.hpp>
#include <boost/log/sources/record_ostream.hpp>
#include <boost/log/sources/severity_logger.hpp>
#include <boost/make_shared.hpp>
#include <cstdlib>
#include <iostream>

#include "daemon/journal.hpp"
#include "ledger/printable.hpp"
#include "ledger/timestamp.hpp"
#include "os/clock.hpp"
#include "os/log.hpp"

namespace vault {
namespace {

namespace logging = boost::log;

struct LevelName {
  const char* name;
  int priority;  // of syslog, for the journal
};
constexpr std::array<LevelName, 5> levels{{{"trace", 7}, {"debug", 7}, {"info", 6}, {"warning", 4}, {"error", 3}}};

enum class Form { text, journal, json };
Form form = Form::text;  // set before other threads log

const LevelName& name_of(LogLevel level) {
  return levels[static_cast<std::size_t>(level)];
}

std::optional<LogLevel> level_by_name(const std::string& name) {
  for (std::size_t i = 0; i < levels.size(); ++i) {
    if (name == levels[i].name) return static_cast<LogLevel>(i);
  }
  return std::nullopt;
}

// One event is one line whatever its message contains; no message can forge another line or drive a terminal.
std::string one_line(std::string_view text) {
  return escape_unprintable(text);
}

std::string quoted(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '"' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return '"' + one_line(escaped) + '"';
}

std::string now_text() {
  return format_timestamp(Timestamp{wall_clock_micros()});
}

std::string text_of(std::string_view component, std::string_view message, const LogFields& fields) {
  std::string line = fmt::format("{}: {}", component, one_line(message));
  for (const auto& [key, value, bare] : fields) {
    const bool plain = !value.empty() && value.find_first_of(" \"=\\") == std::string::npos;
    line += fmt::format(" {}={}", key, plain ? one_line(value) : quoted(value));
  }
  return line;
}

// The journal stamps lines itself and takes the priority from <n>.
std::string text_line(const LogLine& line) {
  const std::string begin = form == Form::journal ? fmt::format("<{}>", name_of(line.level).priority)
                                                  : fmt::format("{} {:<7} ", now_text(), name_of(line.level).name);
  return begin + text_of(line.component, line.message, line.fields);
}

std::string json_line(const LogLine& line) {
  std::string out = fmt::format(R"({{"time":"{}","level":"{}","component":{},"message":{})", now_text(),
                                name_of(line.level).name, quoted(line.component), quoted(line.message));
  if (line.event != LogEvent::none) out += fmt::format(R"(,"event":"{}")", event_name(line.event));
  for (const auto& [key, value, bare] : line.fields)
    out += fmt::format(",{}:{}", quoted(key), bare ? value : quoted(value));
  return out + '}';
}

using Logger = logging::sources::severity_logger_mt<LogLevel>;

Logger& logger() {
  static Logger instance;
  return instance;
}

void write_event(const LogLine& line) {
  if (form == Form::journal) {
    const std::string text = text_of(line.component, line.message, line.fields);
    if (send_to_journal(journal_fields(line, text, name_of(line.level).priority))) return;
  }
  logging::record record = logger().open_record(logging::keywords::severity = line.level);
  if (!record) return;  // below the log level
  logging::record_ostream stream(record);
  stream << (form == Form::json ? json_line(line) : text_line(line));
  stream.flush();
  logger().push_record(boost::move(record));
}

// systemd identifies the journal's stream by device and inode: a redirected stderr does not match.
bool stderr_is_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat status {};
  if (stream == nullptr || fstat(STDERR_FILENO, &status) != 0) return false;
  return fmt::format("{}:{}", status.st_dev, status.st_ino) == stream;
}

void make_sink() {
  using Backend = logging::sinks::text_ostream_backend;
  const auto backend = boost::make_shared<Backend>();
  backend->add_stream(boost::shared_ptr<std::ostream>(&std::clog, boost::null_deleter()));
  backend->auto_flush(true);
  const auto sink = boost::make_shared<logging::sinks::synchronous_sink<Backend>>(backend);
  sink->set_formatter([](const logging::record_view& record, logging::formatting_ostream& out) {
    out << record[logging::expressions::smessage];
  });
  logging::core::get()->remove_all_sinks();
  logging::core::get()->add_sink(sink);
}

}  // namespace

Status set_log_level(const std::string& level) {
  const auto wanted = level_by_name(level);
  if (!wanted) {
    return fail(ErrorCode::invalid_argument, "log_level: must be trace, debug, info, warning or error, not " + level,
                "log_level");
  }
  log_threshold = *wanted;
  logging::core::get()->set_filter([least = *wanted](const logging::attribute_value_set& attributes) {
    const auto found = attributes["Severity"].extract<LogLevel>();
    return found && *found >= least;
  });
  return {};
}

Status set_up_logging(const std::string& level, const std::string& format) {
  if (format != "text" && format != "json") {
    return fail(ErrorCode::invalid_argument, "log_format: must be text or json, not " + format, "log_format");
  }
  if (Status status = set_log_level(level); !status) return status;
  form = format == "json" ? Form::json : stderr_is_journal() ? Form::journal : Form::text;
  make_sink();
  set_log_sink(write_event);
  return {};
}

}  // namespace vault
