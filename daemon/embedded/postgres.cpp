#include "daemon/embedded/postgres.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <thread>

#include "daemon/embedded/postgres_files.hpp"
#include "os/child_process.hpp"
#include "os/durable_file.hpp"
#include "os/file_descriptor.hpp"
#include "os/inherited_state.hpp"
#include "os/log.hpp"

namespace vault {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* component = "postgres";
constexpr milliseconds poll_interval{20};
// Crash recovery replays at most max_wal_size; a slow disk may take minutes for it.
constexpr seconds start_patience{300};
// Backends of a killed server notice within moments; until then, the memory they share is in use.
constexpr seconds remains_patience{20};
constexpr seconds fast_stop_patience{60};
constexpr seconds immediate_stop_patience{20};
constexpr std::uintmax_t log_bytes_max = 4 << 20;

// Written to postgresql.conf once: an operator may tune these.
constexpr const char* initial_configuration = R"(
# --- vaultd ---
shared_buffers = 64MB
max_connections = 32
max_wal_size = 1GB
checkpoint_completion_target = 0.9
log_checkpoints = off
log_min_messages = warning
log_line_prefix = '%m [%p] '
log_timezone = 'UTC'
timezone = 'UTC'
)";

// Given on the command line at every start: not for tuning. Errors are logged without the statement and the row,
// because payloads must not reach a log.
const std::vector<std::string> fixed_parameters{"listen_addresses=",
                                                "port=5432",
                                                "unix_socket_permissions=0700",
                                                "fsync=on",
                                                "full_page_writes=on",
                                                "synchronous_commit=on",
                                                "jit=off",
                                                "logging_collector=off",
                                                "log_destination=stderr",
                                                "log_error_verbosity=terse",
                                                "log_min_error_statement=panic",
                                                "log_parameter_max_length=0",
                                                "cluster_name=vaultd"};

std::string percent_encoded(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("/_.-").find(c) != std::string_view::npos;
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

// A list of directories is split at commas and trimmed; in quotes, a path stays whole whatever it contains.
std::string quoted_directory(const std::string& path) {
  std::string out = "\"";
  for (const char c : path) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + '"';
}

// Appends text to a file durably: half a setting, or zeros in its place, would keep the server from starting.
int add_durably(const std::string& path, std::string_view text) {
  const UniqueFd file(open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  if (!file) return errno;
  if (const int failure = write_all(file.get(), text); failure != 0) return failure;
  return fsync(file.get()) == 0 ? 0 : errno;
}

bool wait_until(seconds patience, const auto& condition) {
  const auto deadline = Clock::now() + patience;
  while (!condition()) {
    if (Clock::now() >= deadline) return false;
    std::this_thread::sleep_for(poll_interval);
  }
  return true;
}

bool is_gone(pid_t pid) {
  return kill(pid, 0) != 0 && errno == ESRCH;
}

}  // namespace

struct EmbeddedPostgres::Impl {
  PostgresPaths paths;
  UniqueFd lock;
  std::optional<ServerUser> user;
  std::string programs;
  pid_t server = -1;        // -1: none
  bool recovering = false;  // restarted, not known to be ready yet

  ~Impl() { stop(); }  // the lock is released after this

  Status look_around();
  Status open_directory();
  Status run_to_end(const std::vector<std::string>& command, const std::string& input);
  Status initialise();
  Status initialise_in(const std::string& fresh);
  void remove_unfinished() const;
  Status stop_leftover() const;
  Status launch();
  Status wait_until_ready();
  Status start_server();
  void stop();
};

// Everything that can be refused is refused before the directory and its lock are made: a typo in a path leaves nothing
// behind.
Status EmbeddedPostgres::Impl::look_around() {
  auto chosen = choose_server_user(paths);
  if (!chosen) return tl::unexpected(chosen.error());
  user = std::move(*chosen);
  auto version = data_version(paths);
  if (!version) return tl::unexpected(version.error());
  auto found = find_postgres_programs(*version);
  if (!found) return tl::unexpected(found.error());
  programs = *found;
  return {};
}

Status EmbeddedPostgres::Impl::open_directory() {
  if (const Status fine = look_around(); !fine) return fine;
  auto locked = lock_postgres_directory(paths);
  if (!locked) return tl::unexpected(locked.error());
  lock = std::move(*locked);
  // Until now, another vaultd may have been making it.
  if (const Status fine = look_around(); !fine) return fine;
  const auto version = data_version(paths);
  if (!version) return tl::unexpected(version.error());
  std::error_code ignored;
  if (fs::file_size(paths.log, ignored) > log_bytes_max && !ignored) fs::rename(paths.log, paths.log + ".1", ignored);
  if (Status made = make_private_directory(paths.run, user); !made) return made;
  remove_unfinished();
  return *version ? Status{} : initialise();
}

Status EmbeddedPostgres::Impl::run_to_end(const std::vector<std::string>& command, const std::string& input) {
  const auto child = start_child({command, user, paths.directory, paths.log, input, 0});
  if (!child) return tl::unexpected(child.error());
  const int code = wait_for_child(*child);
  if (code == 0) return {};
  return fail(ErrorCode::unavailable,
              fmt::format("embedded: {} ended with {}: {}", command[0], code, last_lines(paths.log, 5)), "embedded");
}

Status EmbeddedPostgres::Impl::initialise_in(const std::string& fresh) {
  // The socket's directory is private, so whoever reaches the socket is trusted.
  Status done = run_to_end({programs + "/initdb", "--pgdata=" + fresh, "--username=vault", "--auth=trust",
                            "--encoding=UTF8", "--locale=C", "--data-checksums"},
                           {});
  if (!done) return done;
  if (const int failure = add_durably(fresh + "/postgresql.conf", initial_configuration); failure != 0) {
    return fail(ErrorCode::unavailable,
                fmt::format("embedded: {}/postgresql.conf cannot be written: {}", fresh, std::strerror(failure)));
  }
  return run_to_end({programs + "/postgres", "--single", "-D", fresh, "-c", "exit_on_error=on", "postgres"},
                    "CREATE DATABASE vault\n");
}

// A data directory gets its name only when it is complete; leftovers of an interruption are in nobody's way.
Status EmbeddedPostgres::Impl::initialise() {
  log_info(component, "making a new database", {{"directory", paths.data}, {"programs", programs}});
  const std::string fresh = fmt::format("{}.new.{}", paths.data, getpid());
  if (Status made = make_private_directory(fresh, user); !made) return made;
  Status done = initialise_in(fresh);
  if (done && rename(fresh.c_str(), paths.data.c_str()) != 0) {
    done = fail(ErrorCode::unavailable, fmt::format("embedded: {}: {}", paths.data, std::strerror(errno)), "embedded");
  }
  if (!done) {
    remove_unfinished();
    return done;
  }
  if (const int failure = sync_directory(paths.directory); failure != 0) {
    return fail(ErrorCode::unavailable, fmt::format("embedded: {}: {}", paths.directory, std::strerror(failure)),
                "embedded");
  }
  return {};
}

void EmbeddedPostgres::Impl::remove_unfinished() const {
  std::error_code ignored;
  const std::string prefix = fs::path(paths.data).filename().string() + ".new.";
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(paths.directory, ignored)) {
    if (entry.path().filename().string().starts_with(prefix)) found.push_back(entry.path());
  }
  for (const auto& path : found) fs::remove_all(path, ignored);
}

// The server of a killed vaultd lives on (or ends by itself, if the kernel signalled the death). This vaultd holds the
// lock, so nobody needs that server any more; its start settings may be older than ours.
Status EmbeddedPostgres::Impl::stop_leftover() const {
  const auto file = read_postmaster_file(paths.data);
  if (!file) return {};
  if (!is_postmaster_of(file->pid, paths.data)) {
    // PostgreSQL would take a stale file for a running server if its process ID now belongs to another process.
    if (!is_gone(file->pid)) unlink((paths.data + "/postmaster.pid").c_str());
    return {};
  }
  log_warning(component, "stopping a server left over", {{"pid", file->pid}});
  const auto gone = [&] { return !is_postmaster_of(file->pid, paths.data); };
  for (const auto& [signal, patience] :
       {std::pair{SIGINT, fast_stop_patience}, std::pair{SIGQUIT, immediate_stop_patience}}) {
    kill(file->pid, signal);
    if (wait_until(patience, gone)) return {};
  }
  return fail(ErrorCode::unavailable,
              fmt::format("embedded: process {} holds {} and does not stop", file->pid, paths.data), "embedded");
}

Status EmbeddedPostgres::Impl::launch() {
  std::vector<std::string> command{programs + "/postgres", "-D", paths.data};
  for (const auto& parameter : fixed_parameters) {
    command.emplace_back("-c");
    command.push_back(parameter);
  }
  command.emplace_back("-c");
  command.push_back("unix_socket_directories=" + quoted_directory(paths.run));
  // If vaultd is killed, its server stops (SIGINT: fast shutdown). The main thread ends only with the process; from any
  // other thread, the signal would come too soon.
  const int farewell = gettid() == getpid() ? SIGINT : 0;
  const auto child = start_child({command, user, paths.directory, paths.log, {}, farewell});
  if (!child) return tl::unexpected(child.error());
  server = *child;
  return {};
}

Status EmbeddedPostgres::Impl::wait_until_ready() {
  std::optional<int> ended;
  const bool settled = wait_until(start_patience, [&] {
    ended = poll_child(server);
    const auto file = read_postmaster_file(paths.data);
    return ended || (file && file->pid == server && file->ready);
  });
  if (settled && !ended) return {};
  const std::string how = ended ? fmt::format("ended with {}", *ended) : "did not become ready";
  if (ended) {
    server = -1;
  } else {
    stop();
  }
  return fail(ErrorCode::unavailable, fmt::format("embedded: PostgreSQL {}: {}", how, last_lines(paths.log, 6)),
              "embedded");
}

Status EmbeddedPostgres::Impl::start_server() {
  const auto deadline = Clock::now() + remains_patience;
  while (true) {
    if (Status stopped = stop_leftover(); !stopped) return stopped;
    if (Status launched = launch(); !launched) return launched;
    Status ready = wait_until_ready();
    if (ready || Clock::now() >= deadline) return ready;
    // PostgreSQL says in its log alone that a process of the former one still holds these.
    const std::string log = last_lines(paths.log, 6);
    const bool remains =
        log.find("shared memory block") != std::string::npos || log.find("lock file") != std::string::npos;
    if (!remains) return ready;
    std::this_thread::sleep_for(milliseconds{250});
  }
}

void EmbeddedPostgres::Impl::stop() {
  if (server < 0) return;
  const auto ended = [&] { return poll_child(server).has_value(); };
  kill(server, SIGINT);
  if (!wait_until(fast_stop_patience, ended)) {
    log_warning(component, "does not stop: aborting it");
    kill(server, SIGQUIT);
    if (!wait_until(immediate_stop_patience, ended)) {
      kill(server, SIGKILL);
      wait_for_child(server);
    }
  }
  server = -1;
}

Result<std::unique_ptr<EmbeddedPostgres>> EmbeddedPostgres::start(const std::string& directory) {
  auto paths = postgres_paths(directory);
  if (!paths) return tl::unexpected(paths.error());
  std::unique_ptr<EmbeddedPostgres> postgres(new EmbeddedPostgres);
  postgres->impl_ = std::make_unique<Impl>();
  Impl& impl = *postgres->impl_;
  impl.paths = std::move(*paths);
  try {
    if (Status opened = impl.open_directory(); !opened) return tl::unexpected(opened.error());
  } catch (const std::exception& error) {  // from the file system library
    return fail(ErrorCode::unavailable, fmt::format("embedded: {}: {}", directory, error.what()), "embedded");
  }
  if (Status started = impl.start_server(); !started) return tl::unexpected(started.error());
  // libpq adds from the environment whatever the URL does not name: the address of another server, options, a service.
  forget_libpq_environment();
  postgres->url_ = fmt::format("postgresql://vault@/vault?host={}&port=5432", percent_encoded(impl.paths.run));
  log_info(component, "running", {{"directory", impl.paths.data}, {"pid", impl.server}});
  return postgres;
}

EmbeddedPostgres::~EmbeddedPostgres() = default;

bool EmbeddedPostgres::keep_running() {
  Impl& impl = *impl_;
  if (impl.server >= 0) {
    const auto ended = poll_child(impl.server);
    if (!ended && !impl.recovering) return true;
    if (!ended) {
      const auto file = read_postmaster_file(impl.paths.data);
      if (!file || file->pid != impl.server || !file->ready) return false;
      impl.recovering = false;
      log_info(component, "running again", {{"pid", impl.server}});
      return true;
    }
    impl.server = -1;
    log_error(component, "server died: starting it again", {{"code", *ended}, {"log", last_lines(impl.paths.log, 3)}});
  }
  impl.recovering = true;
  if (Status launched = impl.launch(); !launched) log_error(component, launched.error().message);
  return false;
}

}  // namespace vault
