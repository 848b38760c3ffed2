#include "tests/support/private_postgres.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <vector>

#include "store/postgres/connection.hpp"
#include "store/postgres/migrator.hpp"

namespace vault::test {

namespace {

namespace fs = std::filesystem;

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// Runs a shell command, as `user` if given; returns its exit status.
int run_shell(const std::string& user, const std::string& command) {
  const pid_t child = fork();
  if (child == 0) {
    if (!user.empty()) {
      const passwd* account = getpwnam(user.c_str());
      if (account == nullptr || initgroups(user.c_str(), account->pw_gid) != 0 || setgid(account->pw_gid) != 0 ||
          setuid(account->pw_uid) != 0) {
        _exit(126);
      }
    }
    if (chdir("/") != 0) _exit(126);
    execl("/bin/sh", "sh", "-c", command.c_str(), static_cast<char*>(nullptr));
    _exit(127);
  }
  int status = -1;
  if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) return -1;
  return WEXITSTATUS(status);
}

std::string find_binaries() {
  std::vector<fs::path> candidates;
  if (FILE* pipe = popen("pg_config --bindir 2>/dev/null", "r")) {
    char line[4096] = "";
    if (fgets(line, sizeof line, pipe) != nullptr) {
      std::string path(line);
      while (!path.empty() && path.back() == '\n') path.pop_back();
      candidates.emplace_back(path);
    }
    pclose(pipe);
  }
  std::error_code ignored;
  for (const auto& version : fs::directory_iterator("/usr/lib/postgresql", ignored)) {
    candidates.push_back(version.path() / "bin");
  }
  for (const auto& candidate : candidates) {
    if (fs::exists(candidate / "initdb", ignored) && fs::exists(candidate / "pg_ctl", ignored)) return candidate;
  }
  throw std::runtime_error("no PostgreSQL server here: install the package postgresql");
}

std::string find_user() {
  if (geteuid() != 0) return "";
  for (const char* name : {"postgres", "nobody"}) {
    if (getpwnam(name) != nullptr) return name;
  }
  throw std::runtime_error("PostgreSQL does not run as root, and there is no user postgres or nobody");
}

// A new directory that `user` owns and can reach.
std::string make_directory(const std::string& user) {
  const char* from_environment = getenv("TMPDIR");
  for (const std::string& base : {std::string(from_environment != nullptr ? from_environment : ""),
                                  std::string("/var/tmp"), std::string("/tmp")}) {
    // A socket's path has at most 107 bytes.
    if (base.empty() || base.size() > 60 || run_shell(user, "test -x " + quoted(base)) != 0) continue;
    std::string path = base + "/vault-test-XXXXXX";
    if (mkdtemp(path.data()) == nullptr) continue;
    if (user.empty()) return path;
    const passwd* account = getpwnam(user.c_str());
    if (chown(path.c_str(), account->pw_uid, account->pw_gid) == 0) return path;
    fs::remove(path);
  }
  throw std::runtime_error("no directory for a PostgreSQL: neither TMPDIR, /var/tmp nor /tmp can be used");
}

std::unique_ptr<PgConnection> connect(const std::string& url) {
  auto opened =
      PgConnection::open({url, "test", std::chrono::milliseconds(10'000), std::chrono::milliseconds(0)}, "", {});
  if (!opened) throw std::runtime_error(opened.error().message);
  return *std::move(opened);
}

}  // namespace

PrivatePostgres& PrivatePostgres::instance() {
  static auto* const postgres = new PrivatePostgres();
  return *postgres;
}

PrivatePostgres::PrivatePostgres() : binaries_(find_binaries()), user_(find_user()) {
  directory_ = make_directory(user_);
  watch_over();
  static PrivatePostgres* self = nullptr;
  self = this;
  std::atexit([] {
    self->crash();
    std::error_code ignored;
    fs::remove_all(self->directory_, ignored);
  });
  initialise();
}

// A process that outlives this one just long enough to stop the server and remove its files. It notices by the end of a
// pipe, so it does not matter how this one ends.
void PrivatePostgres::watch_over() const {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  const pid_t first = fork();
  if (first == 0) {
    // Away from the test's process group, which may be killed as a whole.
    if (setsid() < 0 || fork() != 0) _exit(0);
    close(ends[1]);
    const int nowhere = open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3; ++fd) dup2(nowhere, fd);
    char byte = 0;
    while (read(ends[0], &byte, 1) > 0) {
    }
    if (access(directory_.c_str(), F_OK) == 0) {
      run_as_server_user(quoted(binaries_ + "/pg_ctl") + " stop -m immediate -D " + quoted(directory_ + "/data"));
      execl("/bin/rm", "rm", "-rf", directory_.c_str(), static_cast<char*>(nullptr));
    }
    _exit(0);
  }
  waitpid(first, nullptr, 0);
  close(ends[0]);  // the other end stays open as long as this process lives
}

int PrivatePostgres::run_as_server_user(const std::string& command) const {
  return run_shell(user_, command + " >>" + quoted(directory_ + "/setup.log") + " 2>&1");
}

void PrivatePostgres::initialise() {
  const int made = run_as_server_user(quoted(binaries_ + "/initdb") + " -D " + quoted(directory_ + "/data") +
                                      " -N -k -U vault_test -A trust -E UTF8 --locale=C");
  if (made != 0) throw std::runtime_error("initdb failed; see " + directory_ + "/setup.log");
  std::ofstream settings(directory_ + "/data/postgresql.auto.conf", std::ios::app);
  settings << "listen_addresses = ''\nunix_socket_directories = '" << directory_ << "'\nshared_buffers = 32MB\n";
  // After a crash, PostgreSQL syncs the files on the disk before it recovers: here tens of thousands of files for each
  // test's database, which takes a minute one by one.
  int version = 0;
  std::ifstream(directory_ + "/data/PG_VERSION") >> version;
  if (version >= 14) settings << "recovery_init_sync_method = syncfs\n";
  settings.close();
  start();
}

void PrivatePostgres::start() {
  const int started = run_as_server_user(quoted(binaries_ + "/pg_ctl") + " start -w -t 60 -D " +
                                         quoted(directory_ + "/data") + " -l " + quoted(directory_ + "/server.log"));
  if (started == 0) return;
  std::ifstream log(directory_ + "/server.log");
  std::stringstream text;
  text << log.rdbuf();
  throw std::runtime_error("PostgreSQL does not start: " + text.str());
}

void PrivatePostgres::crash() {
  run_as_server_user(quoted(binaries_ + "/pg_ctl") + " stop -m immediate -D " + quoted(directory_ + "/data"));
}

void PrivatePostgres::crash_and_restart() {
  crash();
  start();
}

void PrivatePostgres::flip_bits(const std::string& url, const std::string& table, long block) {
  constexpr long block_bytes = 8192;
  run(url, "CHECKPOINT");  // nothing is left to do at the start, which would rewrite the block
  const std::string path = ask(url, "SELECT pg_relation_filepath('" + table + "')");
  crash();
  std::fstream file(directory_ + "/data/" + path, std::ios::in | std::ios::out | std::ios::binary);
  const long place = block * block_bytes + block_bytes / 2;
  char bytes[64] = "";
  if (!file.seekg(place).read(bytes, sizeof bytes)) throw std::runtime_error("no such block: " + path);
  for (char& byte : bytes) byte = static_cast<char>(~byte);
  if (!file.seekp(place).write(bytes, sizeof bytes).flush()) throw std::runtime_error("cannot write to " + path);
  start();
}

std::string PrivatePostgres::url(const std::string& database) const {
  return fmt::format("host='{}' user=vault_test dbname={}", directory_, database);
}

std::string PrivatePostgres::program(const std::string& name) const {
  return binaries_ + "/" + name;
}

std::string PrivatePostgres::create_empty_database() {
  const std::string name = fmt::format("empty_{}", ++databases_);
  run(url("postgres"), "CREATE DATABASE " + name);
  return url(name);
}

std::string PrivatePostgres::create_database() {
  const std::string pattern = "vault_pattern";
  if (ask(url("postgres"), "SELECT 1 FROM pg_database WHERE datname = '" + pattern + "'").empty()) {
    run(url("postgres"), "CREATE DATABASE " + pattern);
    auto migrated = migrate_up(url(pattern));
    if (!migrated) throw std::runtime_error(migrated.error().message);
  }
  const std::string name = fmt::format("ledger_{}", ++databases_);
  run(url("postgres"), "CREATE DATABASE " + name + " TEMPLATE " + pattern);
  return url(name);
}

void PrivatePostgres::run(const std::string& url, const std::string& sql) {
  auto done = connect(url)->script(sql);
  if (!done) throw std::runtime_error(done.error().message + " -- " + sql);
}

std::string PrivatePostgres::ask(const std::string& url, const std::string& sql) {
  const auto connection = connect(url);
  auto answer = connection->script(sql);
  if (!answer) throw std::runtime_error(answer.error().message + " -- " + sql);
  return answer->rows() == 0 ? "" : std::string(answer->value(0, 0));
}

}  // namespace vault::test
