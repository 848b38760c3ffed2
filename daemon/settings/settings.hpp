// Every setting of vaultd: default, key in the TOML file, environment variable and flag.
//
// A setting `a_b` is `a_b = ...` in the file, VAULT_A_B in the environment and --a-b on the command line; a flag wins
// over the environment, that over the file, that over the default. DATABASE_URL stands in for VAULT_DATABASE, and
// `events` is VAULTD_EVENTS, since VAULT_EVENTS tells clients where to listen. Started by systemd, the defaults of
// endpoints and state_dir lie in the unit's RuntimeDirectory and StateDirectory.
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
  // Where the ledger lives: one of the two.
  std::string database;           // libpq connection string or URI
  std::string embedded;           // directory of vaultd's own PostgreSQL
  std::string reader_database;    // default: as `database`
  std::string schema = "public";  // in the database: a ledger each
  bool migrate = false;

  // Endpoints. Empty lists mean the defaults of docs/protocol.md.
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
  std::chrono::milliseconds slow_request{2'000};  // what takes longer is told in the log; 0: nothing is
  std::chrono::milliseconds shutdown_timeout{10'000};
  std::chrono::milliseconds checkpoint_interval{100};
  std::chrono::milliseconds lease_timeout{3'000};
  std::chrono::milliseconds database_idle_timeout{60'000};  // of readers' and the coordinator's sessions
  std::chrono::milliseconds clock_skew_max{60'000};         // vaultd's clock against the database's
  std::size_t audit_rate = 2'000;                           // rows a second that the auditor re-verifies; 0: off
  bool publish_payloads = false;
  std::size_t busy_poll = 0;  // microseconds for which the sealing thread stays awake before it sleeps

  std::string log_level = "info";   // trace, debug, info, warning, error
  std::string log_format = "text";  // text or json

  // Not settings: what the command line asks for instead of running.
  bool check_config = false;
  bool preflight = false;
  // Where each value that is no default comes from, by the setting's name: "vaultd.toml:3", "VAULT_READERS",
  // "--readers".
  std::map<std::string, std::string> origins;
  bool version = false;
  std::string config;
  // VAULT_BACKEND; "postgres" unless the emergency mode is asked for.
  std::string backend = "postgres";
  std::string legacy_dir;  // for the emergency mode
};

// Reads file, environment and command line. Error: invalid_argument naming file, line and key (or the flag or
// variable), with what was expected.
// `help` is set to the text to print where --help was given.
Result<Settings> load_settings(int argc, char** argv, std::string& help);

// Variables that were probably meant as settings and are none: misspelt ones, and a VAULT_EVENTS that names another
// endpoint than vaultd's. A sentence each, without values.
std::vector<std::string> doubtful_variables(const Settings& settings);

// Checks what belongs together: one of database/embedded, CURVE for tcp beyond loopback, ranges.
Status check_settings(const Settings& settings);

// Checks the connection strings, if there are any. Error: invalid_argument naming the setting and repeating nothing of
// its value.
Status check_databases(const Settings& settings);

// The effective settings as TOML, without secrets: passwords are left out of URLs, and a URL of which some part could
// be a piece of a password is left out whole, with a comment that says so.
std::string format_settings(const Settings& settings);
// Only those that are no defaults, with where they come from as a comment.
std::string format_given_settings(const Settings& settings);

// Names of the settings whose values differ.
std::vector<std::string> changed_settings(const Settings& before, const Settings& now);
// Whether SIGHUP is enough for it.
bool is_live_setting(std::string_view name);
// Copies those from `now` to `in_force`.
void take_live_settings(const Settings& now, Settings& in_force);

}  // namespace vault
