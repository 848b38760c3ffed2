// Every setting of vaultd: default, key in the TOML file, environment variable and flag.
//
// A setting `a_b` is `a_b = ...` in the file, VAULT_A_B in the environment and --a-b on the command line; a flag
// overrides the environment, that the file, that the default. DATABASE_URL can be used for VAULT_DATABASE, and `events`
// is VAULTD_EVENTS, since VAULT_EVENTS says where clients connect. Under systemd, the defaults of endpoints and
// state_dir are in the unit's RuntimeDirectory and StateDirectory.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/limits.hpp"
#include "ledger/result.hpp"

namespace vault {

struct Settings {
  // The ledger's database: one of the two.
  std::string database;           // libpq connection string or URI
  std::string embedded;           // directory of vaultd's own PostgreSQL
  std::string reader_database;    // default: same as `database`
  std::string schema = "public";  // in the database, one per ledger
  bool migrate = false;

  // Endpoints.
  std::vector<std::string> requests{"ipc:///run/vaultd/requests"};
  std::vector<std::string> ingest{"ipc:///run/vaultd/ingest"};
  std::vector<std::string> events{"ipc:///run/vaultd/events"};
  std::string socket_mode = "0660";  // octal, for ipc sockets
  std::string socket_group;          // "": that of the process

  std::string state_dir = "/var/lib/vaultd";
  std::string origin;       // "": vault999.local/<ledger_id>
  std::string signing_key;  // PKCS#8 PEM file; "": <state_dir>/signing.pem
  std::optional<std::int64_t> accept_rollback;

  std::string curve_server_key;  // file with the server's secret key; "": no CURVE
  std::string curve_clients;     // directory of authorised client keys

  std::size_t readers = 3;
  std::size_t max_peers = 1'000;  // connections, of all sockets together
  std::size_t max_seal_bytes = limits::seal_bytes_default;
  std::size_t max_message_bytes = limits::message_bytes_default;
  std::size_t queue_seals = 65'536;  // waiting for the writer
  std::size_t queue_bytes = std::size_t{256} << 20;
  std::size_t batch_seals = 2'000;  // in one transaction; a seal_batch request is never split
  std::size_t batch_bytes = std::size_t{8} << 20;
  std::chrono::milliseconds request_timeout{30'000};
  std::chrono::milliseconds slow_request{2'000};  // slower requests are logged; 0: none
  std::chrono::milliseconds shutdown_timeout{10'000};
  std::chrono::milliseconds checkpoint_interval{100};
  std::chrono::milliseconds lease_timeout{3'000};
  std::chrono::milliseconds database_idle_timeout{60'000};  // for the sessions of readers and the coordinator
  std::chrono::milliseconds clock_skew_max{60'000};         // between vaultd's clock and the database's
  std::size_t audit_rate = 2'000;                           // rows a second that the auditor re-verifies; 0: off
  bool publish_payloads = false;
  std::size_t busy_poll = 0;  // microseconds for which the sealing thread stays awake before it sleeps

  std::string log_level = "info";   // trace, debug, info, warning, error
  std::string log_format = "text";  // text or json

  // Not settings: what the command line requests instead of running.
  bool check_config = false;
  bool preflight = false;
  // The origin of each value that is not the default, by the setting's name: "vaultd.toml:3", "VAULT_READERS",
  // "--readers".
  std::map<std::string, std::string> origins;
  bool version = false;
  std::string config;
  // VAULT_BACKEND; "postgres" unless the emergency mode is requested.
  std::string backend = "postgres";
  std::string legacy_dir;  // for the emergency mode
};

// Reads file, environment and command line. Error: invalid_argument naming file, line and key (or the flag or
// variable), with what was expected. `help` is set to the text to print if --help was given.
Result<Settings> load_settings(int argc, char** argv, std::string& help);

// Variables that were probably meant as settings but are not: misspelt ones, and a VAULT_EVENTS that names an endpoint
// other than vaultd's. One sentence each, without values.
std::vector<std::string> doubtful_variables(const Settings& settings);

// Checks settings that depend on each other: one of database/embedded, CURVE for tcp beyond loopback, ranges.
Status check_settings(const Settings& settings);

// Checks the connection strings, if there are any. Error: invalid_argument naming the setting, without repeating any of
// its value.
Status check_databases(const Settings& settings);

// The effective settings as TOML, without secrets: passwords are left out of URLs, and a URL of which some part could
// be a piece of a password is left out completely, with a comment that says so.
std::string format_settings(const Settings& settings);
// Only those that are not defaults, with where they come from as a comment.
std::string format_given_settings(const Settings& settings);

// Names of the settings whose values differ.
std::vector<std::string> changed_settings(const Settings& before, const Settings& now);
// Whether SIGHUP is enough to change it.
bool is_live_setting(std::string_view name);
// Copies these from `now` to `in_force`.
void take_live_settings(const Settings& now, Settings& in_force);

}  // namespace vault
