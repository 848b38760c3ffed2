#include "daemon/settings/fields.hpp"

#include <fmt/format.h>
#include <strings.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include "ledger/nearest.hpp"
#include "ledger/overloaded.hpp"
#include "ledger/passwords.hpp"
#include "ledger/quantity.hpp"
#include "store/postgres/place.hpp"

namespace vault {
namespace {

const char* wants_endpoint(const std::string& text) {
  constexpr const char* wanted = "an endpoint, ipc://PATH (at most 107 bytes of path) or tcp://ADDRESS:PORT";
  if (text.starts_with("ipc://")) {
    const std::size_t path = text.size() - 6;
    return path > 0 && path < sizeof(sockaddr_un::sun_path) ? nullptr : wanted;
  }
  if (!text.starts_with("tcp://")) return wanted;
  const std::size_t colon = text.rfind(':');
  if (colon <= 6) return wanted;  // the colon is that of "tcp:", or no address precedes it
  const std::string port = text.substr(colon + 1);
  if (port == "*") return nullptr;
  unsigned number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  return error == std::errc{} && end == port.data() + port.size() && number <= 65'535 ? nullptr : wanted;
}

const char* wants_mode(const std::string& text) {
  const bool octal = std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '7'; });
  return octal && (text.size() == 3 || (text.size() == 4 && text[0] == '0')) ? nullptr : "a mode such as 0660";
}

const char* wants_origin(const std::string& text) {
  const bool fine = text.size() <= 255 &&
                    std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f && c != '+'; });
  return fine ? nullptr : "1 to 255 visible ASCII characters without '+' (vault.example.org/main)";
}

const char* wants_level(const std::string& text) {
  constexpr std::array levels{"trace", "debug", "info", "warning", "error"};
  return std::find(levels.begin(), levels.end(), text) != levels.end() ? nullptr
                                                                       : "trace, debug, info, warning or error";
}

const char* wants_format(const std::string& text) {
  return text == "text" || text == "json" ? nullptr : "text or json";
}

const char* wants_backend(const std::string& text) {
  return text == "postgres" || text == "legacy" ? nullptr : "postgres or legacy";
}

// A connection string that ended up in another setting must not be shown, nor made into a directory.
const char* wants_path(const std::string& text) {
  return text == "\n" || text.find("://") != std::string::npos ? "a path" : nullptr;
}

const char* wants_group(const std::string& text) {
  return text.find_first_of("\n:/") != std::string::npos ? "the name of a group" : nullptr;
}

constexpr std::int64_t second = 1'000;
constexpr std::int64_t hour = 3'600 * second;
constexpr std::int64_t gib = std::int64_t{1} << 30;
using S = Settings;

const std::array fields{
    SettingField{"database", "libpq connection string or URI of the ledger's database (or DATABASE_URL)", &S::database},
    SettingField{"embedded", "directory of a PostgreSQL of vaultd's own, instead of a database", &S::embedded},
    SettingField{"reader_database", "connection string for queries; default: same as database", &S::reader_database},
    SettingField{"schema", "schema of the database that holds the ledger; made by migrate", &S::schema, 0, 0,
                 wants_schema},
    SettingField{"migrate", "apply missing migrations at start", &S::migrate, 0, 1},
    SettingField{"requests", "endpoint for requests (ROUTER)", &S::requests, 0, 0, wants_endpoint},
    SettingField{"ingest", "endpoint for fire-and-forget seals (PULL)", &S::ingest, 0, 0, wants_endpoint},
    SettingField{"events", "endpoint for events (PUB)", &S::events, 0, 0, wants_endpoint},
    SettingField{"socket_mode", "mode of ipc sockets, octal", &S::socket_mode, 0, 0, wants_mode},
    SettingField{"socket_group", "group of ipc sockets; default: that of the process", &S::socket_group, 0, 0,
                 wants_group},
    SettingField{"state_dir", "directory for the signing key and the newest checkpoint", &S::state_dir, 0, 0,
                 wants_path},
    SettingField{"origin", "name under which checkpoints are signed", &S::origin, 0, 0, wants_origin},
    SettingField{"signing_key", "PKCS#8 PEM file; default: signing.pem in the state directory", &S::signing_key, 0, 0,
                 wants_path},
    SettingField{"accept_rollback", "after a restore, continue from this sequence under a new origin",
                 &S::accept_rollback, 0, limits::sequence_max},
    SettingField{"curve_server_key", "file with the server's CURVE secret key", &S::curve_server_key, 0, 0, wants_path},
    SettingField{"curve_clients", "directory of authorised CURVE client keys", &S::curve_clients, 0, 0, wants_path},
    SettingField{"readers", "reader actors, each with a connection while it needs one", &S::readers, 1, 64},
    SettingField{"database_idle_timeout", "close database connections that have been unused for this long",
                 &S::database_idle_timeout, 100, 24 * hour},
    SettingField{"max_peers", "connections, of all sockets together", &S::max_peers, 1, 100'000},
    SettingField{"max_seal_bytes", "largest payload, canonical text", &S::max_seal_bytes, 2,
                 std::int64_t{limits::seal_bytes_max}},
    SettingField{"max_message_bytes", "largest message", &S::max_message_bytes, 1'024, gib / 4},
    SettingField{"queue_seals", "seals that may wait for the writer", &S::queue_seals, 1, 10'000'000},
    SettingField{"queue_bytes", "bytes that may wait for the writer", &S::queue_bytes, 1'024, 64 * gib},
    SettingField{"batch_seals", "seals in one transaction", &S::batch_seals, 1, 65'536},
    SettingField{"batch_bytes", "bytes in one transaction", &S::batch_bytes, 1'024, gib / 4},
    SettingField{"request_timeout", "a request is answered within this time", &S::request_timeout, 1, 24 * hour},
    SettingField{"slow_request", "log requests that take longer than this; 0s: none", &S::slow_request, 0, hour},
    SettingField{"shutdown_timeout", "time to answer queued requests on shutdown", &S::shutdown_timeout, 0, hour},
    SettingField{"checkpoint_interval", "at most one checkpoint is signed in this time", &S::checkpoint_interval, 1,
                 hour},
    SettingField{"lease_timeout", "a writer silent for this long is replaced", &S::lease_timeout, 500, hour},
    SettingField{"clock_skew_max", "largest difference to the database's clock", &S::clock_skew_max, 1, 24 * hour},
    SettingField{"audit_rate", "rows a second that the auditor verifies; 0: off", &S::audit_rate, 0, 10'000'000},
    SettingField{"publish_payloads", "put payload and salt into events", &S::publish_payloads, 0, 1},
    SettingField{"busy_poll", "microseconds to poll before sleeping, where seals wait for the database; 0: off",
                 &S::busy_poll, 0, 100'000},
    SettingField{"log_level", "trace, debug, info, warning or error", &S::log_level, 0, 0, wants_level},
    SettingField{"log_format", "text or json", &S::log_format, 0, 0, wants_format},
    SettingField{"backend", "postgres, or legacy: the emergency mode, without a database", &S::backend, 0, 0,
                 wants_backend},
    SettingField{"legacy_dir", "directory in which the emergency mode keeps seals", &S::legacy_dir, 0, 0, wants_path},
};

Status refuse(const SettingField& field, const std::string& found) {
  return fail(ErrorCode::invalid_argument, fmt::format("must be {}, not {}", describe_wanted(field), found),
              std::string(field.name));
}

std::optional<std::int64_t> read_number(const std::string& text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// True for sizes in bytes, recognised by name.
bool is_size(const SettingField& field) {
  return field.name.ends_with("_bytes") && std::holds_alternative<std::size_t Settings::*>(field.member);
}

}  // namespace

std::span<const SettingField> setting_fields() {
  return fields;
}

const SettingField* find_setting(std::string_view name) {
  const auto found =
      std::find_if(fields.begin(), fields.end(), [&](const SettingField& field) { return field.name == name; });
  return found == fields.end() ? nullptr : &*found;
}

std::string_view nearest_setting(std::string_view name) {
  std::vector<std::string_view> names;
  for (const auto& field : fields) names.push_back(field.name);
  return nearest(name, names);
}

std::string placeholder_of(const SettingField& field) {
  if (is_size(field)) return "SIZE";
  if (field.wants == wants_path) return "PATH";
  return std::visit(Overloaded{
                        [](std::string Settings::*) { return "TEXT"; },
                        [](std::vector<std::string> Settings::*) { return "EP"; },
                        [](std::chrono::milliseconds Settings::*) { return "TIME"; },
                        [](auto) { return "N"; },
                    },
                    field.member);
}

std::string flag_of(const SettingField& field) {
  std::string flag = "--" + std::string(field.name);
  std::replace(flag.begin(), flag.end(), '_', '-');
  return flag;
}

std::string variable_of(const SettingField& field) {
  // VAULT_EVENTS is for clients: where vaultctl watch connects. A shell set up for it must not move vaultd's socket.
  std::string variable = (field.name == "events" ? "VAULTD_" : "VAULT_") + std::string(field.name);
  for (char& c : variable) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return variable;
}

std::string describe_wanted(const SettingField& field) {
  if (field.wants != nullptr) {
    // An endpoint is never empty and no word is "\n", so this is always refused, with the description.
    if (const char* wanted = field.wants("\n")) return wanted;
  }
  return std::visit(Overloaded{
                        [](std::string Settings::*) -> std::string { return "text"; },
                        [](std::vector<std::string> Settings::*) -> std::string { return "a list of texts"; },
                        [](bool Settings::*) -> std::string { return "true or false"; },
                        [&](std::chrono::milliseconds Settings::*) {
                          return fmt::format("{}, from {} to {}", duration_form,
                                             format_duration(std::chrono::milliseconds(field.min)),
                                             format_duration(std::chrono::milliseconds(field.max)));
                        },
                        [&](auto) {
                          const char* wanted = is_size(field) ? "a size such as 64KiB, or bytes," : "a number";
                          return fmt::format("{} from {} to {}", wanted, field.min, field.max);
                        },
                    },
                    field.member);
}

Status set_from_texts(const SettingField& field, const std::vector<std::string>& texts, Settings& settings) {
  const std::string& text = texts.empty() ? std::string{} : texts.back();
  const Status set = std::visit(Overloaded{
                                    [&](std::string Settings::*member) -> Status {
                                      settings.*member = text;
                                      return {};
                                    },
                                    [&](std::vector<std::string> Settings::*member) -> Status {
                                      settings.*member = texts;
                                      return {};
                                    },
                                    [&](bool Settings::*member) -> Status {
                                      const bool on = text == "1" || text == "true";
                                      if (!on && text != "0" && text != "false")
                                        return refuse(field, quoted_unless_secret(text));
                                      settings.*member = on;
                                      return {};
                                    },
                                    [&](std::chrono::milliseconds Settings::*member) -> Status {
                                      const auto duration = parse_duration(text);
                                      if (!duration) return refuse(field, quoted_unless_secret(text));
                                      settings.*member = *duration;
                                      return {};
                                    },
                                    [&](auto) -> Status {
                                      const auto number = is_size(field) ? parse_size(text) : read_number(text);
                                      if (!number) return refuse(field, quoted_unless_secret(text));
                                      return set_from_integer(field, *number, settings);
                                    },
                                },
                                field.member);
  return set ? check_field(field, settings) : set;
}

Status set_from_integer(const SettingField& field, std::int64_t value, Settings& settings) {
  const Status refused = refuse(field, std::to_string(value));
  return std::visit(Overloaded{
                        [&](bool Settings::*member) -> Status {
                          if (value != 0 && value != 1) return refused;
                          settings.*member = value == 1;
                          return {};
                        },
                        [&](std::size_t Settings::*member) -> Status {
                          if (value < field.min || value > field.max) return refused;
                          settings.*member = static_cast<std::size_t>(value);
                          return {};
                        },
                        [&](std::optional<std::int64_t> Settings::*member) -> Status {
                          if (value < field.min || value > field.max) return refused;
                          settings.*member = value;
                          return {};
                        },
                        [&](auto) -> Status { return refused; },
                    },
                    field.member);
}

Status check_field(const SettingField& field, const Settings& settings) {
  const auto in_range = [&](std::int64_t value, const std::string& shown) -> Status {
    if (value < field.min || value > field.max) return refuse(field, shown);
    return {};
  };
  const auto well_formed = [&](const std::string& text) -> Status {
    if (field.wants != nullptr && field.wants(text) != nullptr) return refuse(field, quoted_unless_secret(text));
    return {};
  };
  return std::visit(Overloaded{
                        [&](std::string Settings::*member) { return well_formed(settings.*member); },
                        [&](std::vector<std::string> Settings::*member) -> Status {
                          for (const auto& text : settings.*member) {
                            if (Status status = well_formed(text); !status) return status;
                          }
                          return {};
                        },
                        [](bool Settings::*) -> Status { return {}; },
                        [&](std::size_t Settings::*member) {
                          const std::uint64_t value = settings.*member;
                          const std::int64_t bounded = value > INT64_MAX ? INT64_MAX : static_cast<std::int64_t>(value);
                          return in_range(bounded, std::to_string(value));
                        },
                        [&](std::chrono::milliseconds Settings::*member) {
                          return in_range((settings.*member).count(), format_duration(settings.*member));
                        },
                        [&](std::optional<std::int64_t> Settings::*member) {
                          const std::int64_t value = (settings.*member).value_or(field.min);
                          return in_range(value, std::to_string(value));
                        },
                    },
                    field.member);
}

}  // namespace vault
