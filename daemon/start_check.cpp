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

#include "daemon/key_directory.hpp"
#include "daemon/secret_file.hpp"
#include "os/log.hpp"
#include "os/whole_file.hpp"

namespace vault {
namespace {

constexpr std::string_view ipc_scheme = "ipc://";

tl::unexpected<Error> refuse(ErrorCode code, const char* setting, const std::string& message) {
  return fail(code, fmt::format("{}: {}", setting, message), setting);
}

// The path of an ipc endpoint's socket; nullopt for tcp, and for abstract names, which have no file.
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

// The resolved path, as far as it exists; parts that cannot be inspected are taken literally.
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

// A socket in one of vaultd's own directories would sooner or later be in the way of its files.
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

// The directory that an ipc endpoint's socket needs, if it is missing.
std::optional<std::string> missing_directory(const std::string& socket) {
  const std::string directory = std::filesystem::path(socket).parent_path();
  struct stat status {};
  if (directory.empty() || (stat(directory.c_str(), &status) == 0 && S_ISDIR(status.st_mode))) return std::nullopt;
  return directory;
}

// The directory of the default endpoints and those of a template's instances are made by the unit and exist only while
// it runs.
bool is_made_by_unit(const std::string& directory) {
  const auto of_unit = std::filesystem::path(Settings{}.requests.front().substr(ipc_scheme.size())).parent_path();
  return directory == of_unit || is_below(directory, of_unit) || is_runtime_directory(directory);
}

tl::unexpected<Error> no_directory(const std::string& endpoint, const std::string& directory) {
  return fail(ErrorCode::not_found,
              fmt::format("{}: there is no directory {}; make it, or choose another endpoint", endpoint, directory));
}

// Only checks, for --check-config. Ignores directories that nobody has named.
Status look_for_directory(const Settings& settings, const char* setting, const std::string& endpoint,
                          const std::string& socket) {
  const auto missing = missing_directory(socket);
  if (!missing || !settings.origins.contains(setting) || is_made_by_unit(*missing)) return {};
  return no_directory(endpoint, *missing);
}

Status check_socket(const Settings& settings, const char* setting, const std::string& endpoint, bool named_only) {
  const auto path = socket_path(endpoint);
  if (!path) return {};
  if (Status own = check_own_directories(settings, setting, *path); !own) return own;
  if (const auto obstacle = find_obstacle(*path)) {
    return refuse(ErrorCode::invalid_argument, setting, fmt::format("{} is {}", *path, *obstacle));
  }
  const Status there =
      named_only ? look_for_directory(settings, setting, endpoint, *path) : check_socket_directory(endpoint);
  if (!there) return refuse(there.error().code, setting, there.error().message);
  return {};
}

std::vector<Error> check_sockets(const Settings& settings, bool named_only) {
  const std::pair<const char*, const std::vector<std::string>*> sockets[] = {
      {"requests", &settings.requests}, {"ingest", &settings.ingest}, {"events", &settings.events}};
  std::vector<Error> faults;
  for (const auto& [setting, endpoints] : sockets) {
    for (const std::string& endpoint : *endpoints) {
      if (const Status fine = check_socket(settings, setting, endpoint, named_only); !fine)
        faults.push_back(fine.error());
    }
  }
  if (!settings.socket_group.empty() && getgrnam(settings.socket_group.c_str()) == nullptr) {
    const std::string fault = fmt::format("there is no group \"{}\"", settings.socket_group);
    faults.push_back(refuse(ErrorCode::invalid_argument, "socket_group", fault).value());
  }
  return faults;
}

std::vector<Error> check_curve(const Settings& settings) {
  std::vector<Error> faults;
  if (const auto key = load_server_key(settings.curve_server_key); !key) {
    faults.push_back(refuse(key.error().code, "curve_server_key", key.error().message).value());
  } else {
    // Whoever steals this key can pretend to be this vaultd but sign nothing: that is worth a warning.
    const auto file = read_whole_file(settings.curve_server_key, key_file_bytes_max);
    if (const Status secret = file ? check_secret_mode(*file, settings.curve_server_key) : Status{}; !secret) {
      log_warning("vaultd", "curve_server_key: " + secret.error().message);
    }
  }
  std::error_code failed;
  (void)std::filesystem::directory_iterator(settings.curve_clients, failed);
  if (!failed) return faults;
  const bool wrong = failed == std::errc::not_a_directory;
  const ErrorCode code = wrong                                    ? ErrorCode::invalid_argument
                         : failed == std::errc::permission_denied ? ErrorCode::forbidden
                                                                  : ErrorCode::not_found;
  const std::string fault = fmt::format("{}: {}", settings.curve_clients, failed.message());
  faults.push_back(refuse(code, "curve_clients", fault).value());
  return faults;
}

Status check_signing_key(const Settings& settings, bool named_only) {
  if (settings.signing_key.empty() && named_only) return {};
  const std::string path = settings.signing_key.empty() ? settings.state_dir + "/signing.pem" : settings.signing_key;
  // The name only matters for signing; the database knows the right one.
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
  const auto missing = path ? missing_directory(*path) : std::nullopt;
  if (!missing || (is_runtime_directory(*missing) && mkdir(missing->c_str(), 0750) == 0)) return {};
  return no_directory(endpoint, *missing);
}

std::vector<std::pair<std::string, Status>> survey_surroundings(const Settings& settings, bool named_only) {
  std::vector<std::pair<std::string, Status>> found;
  const auto add = [&](const char* what, const std::vector<Error>& faults) {
    if (faults.empty()) found.emplace_back(what, Status{});
    for (const Error& fault : faults) found.emplace_back(what, tl::unexpected(fault));
  };
  add("sockets", check_sockets(settings, named_only));
  if (!settings.curve_server_key.empty()) add("CURVE keys", check_curve(settings));
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
