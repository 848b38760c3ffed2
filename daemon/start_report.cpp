#include "daemon/start_report.hpp"

#include <unistd.h>

#include <array>
#include <vector>

#include "os/log.hpp"
#include "store/postgres/url.hpp"
#include "version.hpp"

namespace vault {
namespace {

std::string joined(const std::vector<std::string>& endpoints) {
  std::string out;
  for (const std::string& one : endpoints) out += (out.empty() ? "" : ",") + one;
  return out;
}

}  // namespace

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

void report_start(const Settings& settings) {
  const auto shown = show_connection_string(settings.database);
  const std::string database = settings.backend == "legacy" ? "none: emergency mode in " + settings.legacy_dir
                               : !settings.embedded.empty() ? "embedded in " + settings.embedded
                                                            : shown.value_or("(not shown: it may hold a password)");
  log_info("vaultd", "starting",
           {{"version", version_text},
            {"pid", getpid()},
            {"host", host_name()},
            {"config", settings.config.empty() ? "none" : settings.config},
            {"database", database},
            {"schema", settings.schema},
            {"requests", joined(settings.requests)},
            {"ingest", joined(settings.ingest)},
            {"events", joined(settings.events)},
            {"curve", !settings.curve_server_key.empty()},
            {"state_dir", settings.state_dir},
            {"origin", settings.origin.empty() ? "the database's" : settings.origin},
            {"log_level", settings.log_level}},
           LogEvent::starting);
}

}  // namespace vault
