// Checks of settings that depend on each other.
#include <arpa/inet.h>
#include <fmt/format.h>

#include <set>

#include "daemon/settings/fields.hpp"
#include "daemon/settings/settings.hpp"
#include "store/postgres/url.hpp"

namespace vault {
namespace {

Status refuse(const char* key, std::string message) {
  return fail(ErrorCode::invalid_argument, fmt::format("{}: {}", key, message), key);
}

// Only a numeric address is known to stay on this machine.
bool is_loopback(const std::string& endpoint) {
  std::string host = endpoint.substr(6, endpoint.rfind(':') - 6);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  in_addr v4{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  return inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

Status check_endpoints(const Settings& settings) {
  std::set<std::string> seen;
  const std::pair<const char*, const std::vector<std::string>*> sockets[] = {
      {"requests", &settings.requests}, {"ingest", &settings.ingest}, {"events", &settings.events}};
  for (const auto& [key, endpoints] : sockets) {
    for (const auto& endpoint : *endpoints) {
      if (!seen.insert(endpoint).second) return refuse(key, fmt::format("{} is given twice", endpoint));
      if (endpoint.starts_with("tcp://") && settings.curve_server_key.empty() && !is_loopback(endpoint)) {
        return refuse(key, fmt::format("{} is reachable from outside, which requires CURVE: set curve_server_key and "
                                       "curve_clients, or use 127.0.0.1, [::1] or ipc://",
                                       endpoint));
      }
    }
  }
  return {};
}

Status check_place(const Settings& settings) {
  // In the emergency mode, the database settings may stay as they are: a single variable switches modes.
  if (settings.backend == "legacy") {
    if (!settings.legacy_dir.empty()) return {};
    return refuse("legacy_dir", "the emergency mode (backend legacy) needs a directory to keep seals in");
  }
  if (!settings.database.empty() && !settings.embedded.empty()) {
    return refuse("database", "set either database or embedded, not both");
  }
  if (settings.database.empty() && settings.embedded.empty()) {
    return refuse("database",
                  "nowhere to keep the ledger: set database (or DATABASE_URL) to a PostgreSQL, or embedded to a "
                  "directory in which vaultd runs its own");
  }
  if (settings.embedded.find("://") != std::string::npos) {
    return refuse("embedded", "must be a directory; a connection string goes into database");
  }
  if (!settings.embedded.empty() && !settings.reader_database.empty()) {
    return refuse("reader_database", "goes with database, not with embedded");
  }
  return {};
}

}  // namespace

Status check_databases(const Settings& settings) {
  for (const auto& [key, text] :
       {std::pair{"database", &settings.database}, std::pair{"reader_database", &settings.reader_database}}) {
    if (text->empty() || settings.backend == "legacy") continue;
    if (Status status = check_connection_string(*text); !status) return refuse(key, status.error().message);
  }
  return {};
}

Status check_settings(const Settings& settings) {
  for (const auto& field : setting_fields()) {
    if (Status status = check_field(field, settings); !status) {
      return refuse(std::string(field.name).c_str(), status.error().message);
    }
  }
  if (Status status = check_place(settings); !status) return status;
  if (Status status = check_endpoints(settings); !status) return status;
  if (settings.curve_server_key.empty() != settings.curve_clients.empty()) {
    return refuse(settings.curve_clients.empty() ? "curve_clients" : "curve_server_key",
                  "CURVE needs both curve_server_key and curve_clients");
  }
  if (settings.max_message_bytes < settings.max_seal_bytes) {
    return refuse("max_message_bytes",
                  fmt::format("{} is less than max_seal_bytes ({}): such a seal could never arrive",
                              settings.max_message_bytes, settings.max_seal_bytes));
  }
  // An eighth is reserved for producers that hold little.
  if (settings.queue_bytes - settings.queue_bytes / 8 < settings.max_message_bytes) {
    return refuse(
        "queue_bytes",
        fmt::format("{}, less an eighth, is below max_message_bytes ({}): such a message could never be taken",
                    settings.queue_bytes, settings.max_message_bytes));
  }
  if (settings.state_dir.empty()) return refuse("state_dir", "must not be empty");
  if (settings.accept_rollback && settings.origin.empty()) {
    return refuse("accept_rollback", "needs a new origin: the old log identity never signs again");
  }
  return {};
}

}  // namespace vault
