#include "daemon/embedded/postgres_files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "os/durable_file.hpp"

namespace vault {
namespace {

namespace fs = std::filesystem;

constexpr int version_min = 13;
constexpr const char* socket_name = "/.s.PGSQL.5432";

tl::unexpected<Error> refuse(std::string message) {
  return fail(ErrorCode::invalid_argument, "embedded: " + std::move(message), "embedded");
}

std::optional<int> read_int(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end == text.data()) return std::nullopt;
  return number;
}

// Like mkdir -p, durably. Directories made by root may be entered by all, or the server's user could not; existing ones
// stay as they are.
Status make_directories(const std::string& path) {
  std::vector<fs::path> missing;
  std::error_code ignored;
  for (fs::path above = path; above.has_relative_path() && !fs::exists(above, ignored); above = above.parent_path()) {
    missing.push_back(above);
  }
  if (const int failure = make_durable_directory(path, 0755); failure != 0) {
    return refuse(fmt::format("{} cannot be made: {}", path, std::strerror(failure)));
  }
  if (geteuid() != 0) return {};
  for (const fs::path& made : missing) chmod(made.c_str(), 0755);
  return {};
}

Result<ServerUser> user_by_uid(uid_t uid) {
  if (uid == 0) return refuse("the data directory belongs to root, whom PostgreSQL refuses to run as");
  ServerUser user{std::to_string(uid), uid, static_cast<gid_t>(-1), {}};
  if (const passwd* entry = getpwuid(uid)) {
    user.name = entry->pw_name;
    user.gid = entry->pw_gid;
  } else {
    return refuse(fmt::format("the data directory belongs to uid {}, which is no user here", uid));
  }
  return user;
}

Result<ServerUser> user_postgres() {
  const passwd* entry = getpwnam("postgres");
  if (entry == nullptr) {
    return refuse(
        "PostgreSQL does not run as root, and there is no user `postgres` to run it as; install the package "
        "postgresql, or start vaultd as another user");
  }
  return ServerUser{"postgres", entry->pw_uid, entry->pw_gid, {}};
}

void add_groups(ServerUser& user) {
  int count = 64;
  user.groups.resize(static_cast<std::size_t>(count));
  if (getgrouplist(user.name.c_str(), user.gid, user.groups.data(), &count) < 0) count = 0;
  user.groups.resize(static_cast<std::size_t>(count));
}

bool has_programs(const std::string& directory) {
  return access((directory + "/initdb").c_str(), X_OK) == 0 && access((directory + "/postgres").c_str(), X_OK) == 0;
}

// Looks where distributions install several major versions side by side.
std::optional<std::string> versioned_programs(int version) {
  for (const char* pattern : {"/usr/lib/postgresql/{}/bin", "/usr/pgsql-{}/bin", "/usr/lib/postgresql{}/bin"}) {
    const std::string directory = fmt::format(fmt::runtime(pattern), version);
    if (has_programs(directory)) return directory;
  }
  return std::nullopt;
}

}  // namespace

Result<PostgresPaths> postgres_paths(const std::string& directory) {
  std::error_code error;
  const fs::path absolute = fs::absolute(directory, error);
  if (error) return refuse(fmt::format("{}: {}", directory, error.message()));
  std::string path = absolute.lexically_normal().string();
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  // In a connection string, a comma begins the next host.
  if (path.find(',') != std::string::npos) return refuse(fmt::format("{} holds a comma; choose another name", path));
  PostgresPaths paths{path, path + "/data", path + "/run", path + "/postgres.log"};
  const std::string socket = paths.run + socket_name;
  constexpr std::size_t socket_bytes_max = sizeof(sockaddr_un::sun_path) - 1;
  if (socket.size() > socket_bytes_max) {
    return refuse(
        fmt::format("{} is too long: the socket {} would have {} bytes, and a socket's path has at most {}; "
                    "choose a directory of at most {} bytes",
                    path, socket, socket.size(), socket_bytes_max, socket_bytes_max - (socket.size() - path.size())));
  }
  return paths;
}

Result<UniqueFd> lock_postgres_directory(const PostgresPaths& paths) {
  if (Status made = make_directories(paths.directory); !made) return tl::unexpected(made.error());
  const std::string path = paths.directory + "/vaultd.lock";
  UniqueFd lock(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock) return refuse(fmt::format("{} cannot be opened: {}", path, std::strerror(errno)));
  if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    char holder[32] = {};
    const ssize_t size = pread(lock.get(), holder, sizeof holder - 1, 0);
    return refuse(
        fmt::format("{} is in use by another vaultd (process {})", paths.directory, size > 0 ? holder : "unknown"));
  }
  const std::string self = std::to_string(getpid());
  if (ftruncate(lock.get(), 0) != 0 || pwrite(lock.get(), self.data(), self.size(), 0) < 0) {
    return refuse(fmt::format("{} cannot be written: {}", path, std::strerror(errno)));
  }
  return lock;
}

Result<std::optional<ServerUser>> choose_server_user(const PostgresPaths& paths) {
  if (geteuid() != 0) return std::optional<ServerUser>{};
  struct stat status {};
  const bool exists = stat(paths.data.c_str(), &status) == 0;
  Result<ServerUser> user = exists ? user_by_uid(status.st_uid) : user_postgres();
  if (!user) return tl::unexpected(user.error());
  add_groups(*user);
  std::vector<std::string> ancestors;
  for (fs::path path = paths.directory;; path = path.parent_path()) {
    // Missing directories will be made with that permission.
    std::error_code unreadable;
    if (fs::exists(path, unreadable) || unreadable) ancestors.insert(ancestors.begin(), path.string());
    if (path == path.parent_path()) break;
  }
  if (const auto closed = first_closed_directory(*user, ancestors)) {
    return refuse(
        fmt::format("PostgreSQL runs as user {} here, and {} may not enter {}; choose a directory elsewhere "
                    "(below /var/lib or /var/tmp), or open it (chmod o+x)",
                    user->name, user->name, *closed));
  }
  return std::optional<ServerUser>{std::move(*user)};
}

Status make_private_directory(const std::string& path, const std::optional<ServerUser>& user) {
  const bool made = mkdir(path.c_str(), 0700) == 0;
  if (!made && errno != EEXIST) return refuse(fmt::format("{} cannot be made: {}", path, std::strerror(errno)));
  // Do not follow a link that somebody else put there.
  const UniqueFd opened(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!opened) return refuse(fmt::format("{}: {}", path, std::strerror(errno)));
  const bool owned = !user || fchown(opened.get(), user->uid, user->gid) == 0;
  if (!owned || fchmod(opened.get(), 0700) != 0) {
    return refuse(fmt::format("{} cannot be made private: {}", path, std::strerror(errno)));
  }
  return {};
}

Result<std::optional<int>> data_version(const PostgresPaths& paths) {
  struct stat status {};
  if (lstat(paths.data.c_str(), &status) != 0) {
    if (errno == ENOENT) return std::optional<int>{};
    return refuse(fmt::format("{}: {}", paths.data, std::strerror(errno)));
  }
  if (geteuid() != 0 && status.st_uid != geteuid()) {
    const passwd* owner = getpwuid(status.st_uid);
    return refuse(fmt::format("{} belongs to user {}; run vaultd as that user or as root", paths.data,
                              owner != nullptr ? owner->pw_name : std::to_string(status.st_uid)));
  }
  std::ifstream file(paths.data + "/PG_VERSION");
  std::string line;
  std::getline(file, line);
  const auto version = read_int(line);
  if (!version) {
    return refuse(
        fmt::format("{} is not a data directory of PostgreSQL (no readable PG_VERSION); move it away", paths.data));
  }
  return version;
}

Result<std::string> find_postgres_programs(std::optional<int> wanted) {
  if (wanted) {
    if (auto found = versioned_programs(*wanted)) return *found;
    return refuse(
        fmt::format("the data directory was made by PostgreSQL {0}, whose programs are not there "
                    "(/usr/lib/postgresql/{0}/bin); install the package postgresql-{0}",
                    *wanted));
  }
  constexpr int version_max = 99;
  for (int version = version_max; version >= version_min; --version) {
    if (auto found = versioned_programs(version)) return *found;
  }
  return refuse(
      fmt::format("no PostgreSQL {} or newer below /usr/lib/postgresql; install the package postgresql", version_min));
}

std::string last_lines(const std::string& path, std::size_t lines) {
  std::ifstream file(path);
  std::deque<std::string> kept;
  for (std::string line; std::getline(file, line);) {
    kept.push_back(line);
    if (kept.size() > lines) kept.pop_front();
  }
  std::string out;
  for (const auto& line : kept) out += (out.empty() ? "" : " | ") + line;
  return out;
}

std::optional<PostmasterFile> read_postmaster_file(const std::string& data) {
  std::ifstream file(data + "/postmaster.pid");
  std::string line;
  PostmasterFile found;
  // Line 1 is the process, line 8 its state, padded with blanks; a server that is still starting has written fewer
  // lines.
  for (int number = 1; number <= 8 && std::getline(file, line); ++number) {
    if (number == 1) found.pid = read_int(line).value_or(0);
    if (number == 8) found.ready = line.starts_with("ready");
  }
  if (found.pid <= 1) return std::nullopt;
  return found;
}

bool is_postmaster_of(pid_t pid, const std::string& data) {
  std::error_code error;
  const fs::path process = fmt::format("/proc/{}", pid);
  const fs::path directory = fs::read_symlink(process / "cwd", error);
  if (error) return false;
  std::ifstream command(process / "comm");
  std::string name;
  std::getline(command, name);
  return name.starts_with("postgres") && fs::equivalent(directory, data, error) && !error;
}

}  // namespace vault
