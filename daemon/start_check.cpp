#include "daemon/start_check.hpp"

#include <fmt/format.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sstream>

#include "daemon/input_file.hpp"
#include "daemon/key_directory.hpp"
#include "os/log.hpp"

namespace vault {
namespace {

constexpr std::string_view ipc_scheme = "ipc://";

tl::unexpected<Error> refuse(ErrorCode code, const char* setting, const std::string& message) {
  return fail(code, fmt::format("{}: {}", setting, message), setting);
}

// The path of an ipc endpoint's socket; nullopt for tcp, and for abstract names, where no file is.
std::optional<std::string> socket_path(const std::string& endpoint) {
  if (!endpoint.starts_with(ipc_scheme)) return std::nullopt;
  std::string path = endpoint.substr(ipc_scheme.size());
  if (path.empty() || path.front() == '@') return std::nullopt;
  return path;
}

const char* kind_of(mode_t mode) {
  if (S_ISREG(mode)) return "a file";
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISLNK(mode)) return "a symbolic link";
  return "a device";
}

bool is_runtime_directory(const std::string& directory) {
  const char* given = std::getenv("RUNTIME_DIRECTORY");
  std::istringstream names(given == nullptr ? "" : given);
  for (std::string name; std::getline(names, name, ':');) {
    if (!name.empty() && directory == name) return true;
  }
  return false;
}

// Where a path leads, as far as it is there; what cannot be looked at is taken as it is spelt.
std::filesystem::path place_of(const std::string& path) {
  std::error_code failed;
  auto place = std::filesystem::weakly_canonical(path, failed);
  if (failed) place = std::filesystem::absolute(path, failed).lexically_normal();
  return place.has_filename() ? place : place.parent_path();
}

bool is_below(const std::filesystem::path& path, const std::filesystem::path& directory) {
  const auto [of_directory, of_path] = std::mismatch(directory.begin(), directory.end(), path.begin(), path.end());
  return of_directory == directory.end() && of_path != path.end();
}

// A socket in a directory of vaultd's own stands where one of its files belongs, if not today.
Status check_own_directories(const Settings& settings, const char* setting, const std::string& socket) {
  const bool emergency = settings.backend == "legacy";
  for (const auto& [name, directory] :
       {std::pair{"state_dir", &settings.state_dir}, std::pair{"embedded", &settings.embedded},
        std::pair{"legacy_dir", &settings.legacy_dir}}) {
    if (directory->empty() || (std::string_view(name) == "legacy_dir" && !emergency)) continue;
    if (!is_below(place_of(socket), place_of(*directory))) continue;
    return refuse(ErrorCode::invalid_argument, setting,
                  fmt::format("{} is in {} ({}), which is for vaultd's own files; choose another directory for sockets",
                              socket, *directory, name));
  }
  return {};
}

Status check_sockets(const Settings& settings, bool named_only) {
  const std::pair<const char*, const std::vector<std::string>*> sockets[] = {
      {"requests", &settings.requests}, {"ingest", &settings.ingest}, {"events", &settings.events}};
  for (const auto& [setting, endpoints] : sockets) {
    for (const std::string& endpoint : *endpoints) {
      const auto path = socket_path(endpoint);
      if (!path) continue;
      if (Status own = check_own_directories(settings, setting, *path); !own) return own;
      if (const auto obstacle = find_obstacle(*path)) {
        return refuse(ErrorCode::invalid_argument, setting, fmt::format("{} is {}", *path, *obstacle));
      }
      if (named_only) continue;
      if (const Status there = check_socket_directory(endpoint); !there) {
        return refuse(there.error().code, setting, there.error().message);
      }
    }
  }
  if (!settings.socket_group.empty() && getgrnam(settings.socket_group.c_str()) == nullptr) {
    return refuse(ErrorCode::invalid_argument, "socket_group",
                  fmt::format("there is no group \"{}\"", settings.socket_group));
  }
  return {};
}

Status check_curve(const Settings& settings) {
  if (settings.curve_server_key.empty()) return {};
  if (const auto key = load_server_key(settings.curve_server_key); !key) {
    return refuse(key.error().code, "curve_server_key", key.error().message);
  }
  // A thief of this key can pretend to be this vaultd but sign nothing: that is worth a warning.
  const auto file = read_input_file(settings.curve_server_key, key_file_bytes_max);
  if (const Status secret = file ? check_secret_mode(*file, settings.curve_server_key) : Status{}; !secret) {
    log_warning("vaultd", "curve_server_key: " + secret.error().message);
  }
  std::error_code failed;
  (void)std::filesystem::directory_iterator(settings.curve_clients, failed);
  if (!failed) return {};
  const bool wrong = failed == std::errc::not_a_directory;
  const ErrorCode code = wrong                                    ? ErrorCode::invalid_argument
                         : failed == std::errc::permission_denied ? ErrorCode::forbidden
                                                                  : ErrorCode::not_found;
  return refuse(code, "curve_clients", fmt::format("{}: {}", settings.curve_clients, failed.message()));
}

Status check_signing_key(const Settings& settings, bool named_only) {
  if (settings.signing_key.empty() && named_only) return {};
  const std::string path = settings.signing_key.empty() ? settings.state_dir + "/signing.pem" : settings.signing_key;
  // The name matters to what is signed only; the right one is the database's to tell.
  const auto key = read_signing_key(path, "any");
  if (!key) return tl::unexpected(key.error());
  if (!*key && !settings.signing_key.empty()) {
    return refuse(ErrorCode::not_found, "signing_key", fmt::format("there is no file {}", path));
  }
  return {};
}

}  // namespace

std::optional<std::string> find_obstacle(const std::string& path) {
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0 || S_ISSOCK(status.st_mode)) return std::nullopt;
  return fmt::format("{}, not a socket; vaultd would have to delete it. Choose another endpoint, or move it away",
                     kind_of(status.st_mode));
}

Status check_socket_directory(const std::string& endpoint) {
  const auto path = socket_path(endpoint);
  if (!path) return {};
  const std::string directory = std::filesystem::path(*path).parent_path();
  struct stat status {};
  if (directory.empty() || (stat(directory.c_str(), &status) == 0 && S_ISDIR(status.st_mode))) return {};
  if (is_runtime_directory(directory) && mkdir(directory.c_str(), 0750) == 0) return {};
  return fail(ErrorCode::not_found,
              fmt::format("{}: there is no directory {}; make it, or choose another endpoint", endpoint, directory));
}

std::vector<std::pair<std::string, Status>> survey_surroundings(const Settings& settings, bool named_only) {
  std::vector<std::pair<std::string, Status>> found;
  found.emplace_back("sockets", check_sockets(settings, named_only));
  if (!settings.curve_server_key.empty()) found.emplace_back("CURVE keys", check_curve(settings));
  if (settings.backend != "legacy") found.emplace_back("signing key", check_signing_key(settings, named_only));
  return found;
}

Status check_surroundings(const Settings& settings, bool named_only) {
  for (auto& [what, outcome] : survey_surroundings(settings, named_only)) {
    if (!outcome) return outcome;
  }
  return {};
}

}  // namespace vault
