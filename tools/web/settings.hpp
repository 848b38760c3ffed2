// Settings of vault-web: flags override the environment, that the file, that the defaults, as for vaultd (docs/web.md).
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "ledger/result.hpp"

namespace vault::web {

struct Settings {
  std::vector<std::string> listen{"127.0.0.1:9999"};
  std::string endpoint = "ipc:///run/vaultd/requests";
  std::string events = "ipc:///run/vaultd/events";
  std::string key_dir;
  std::string token_file;  // empty: one is made, see token_path()
  bool is_public = false;
  bool public_metrics = false;
  bool trust_local_users = false;
  bool allow_seal = false;
  std::vector<std::string> host;
  std::int64_t max_connections = 1'024;
  std::int64_t max_remote_connections = 64;
  std::int64_t max_remote_requests = 100;
  std::int64_t max_message_bytes = std::int64_t{16} << 20;
  std::int64_t tile_cache_bytes = std::int64_t{16} << 20;
  std::chrono::milliseconds header_timeout{10'000};
  std::chrono::milliseconds idle_timeout{30'000};
  std::chrono::milliseconds timeout{30'000};
  std::string config;
};

// The outcome of parsing a command line.
struct Invocation {
  enum class Kind : std::uint8_t { run, check, told };  // told: for --help and --version, `text` is to be printed
  Kind kind = Kind::run;
  Settings settings;
  std::string text;
};

// Reads all four sources. Errors: invalid_argument naming flag, variable, or file, line and key; not_found and
// forbidden if the file cannot be read.
Result<Invocation> read_settings(int argc, const char* const* argv);

// Checks settings that depend on each other. Error: invalid_argument.
Status check_settings(const Settings& settings);

// As TOML, for --check-config; contains no secret.
std::string format_settings(const Settings& settings);

// "127.0.0.1:9999", "[::1]:9999". Error: invalid_argument.
Result<std::pair<std::string, unsigned short>> split_address(const std::string& text);

}  // namespace vault::web
