#include "os/child_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>

#include "ledger/check.hpp"
#include "os/file_descriptor.hpp"

namespace vault {
namespace {

constexpr int exit_cannot_execute = 127;

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (auto& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

// Everything from here to exec runs between fork and exec of a process that may have threads: system calls only.
bool become(const ServerUser& user) {
  return setgroups(user.groups.size(), user.groups.data()) == 0 && setgid(user.gid) == 0 && setuid(user.uid) == 0;
}

void reset_signals() {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) sigaction(signal, &action, nullptr);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

struct ChildPlan {
  const ChildOptions& options;
  char* const* arguments;
  char* const* environment;
  int input;
  int log;
  pid_t parent;
};

[[noreturn]] void run_child(const ChildPlan& plan) {
  reset_signals();
  setsid();
  dup2(plan.input, STDIN_FILENO);
  dup2(plan.log, STDOUT_FILENO);
  dup2(plan.log, STDERR_FILENO);
  syscall(SYS_close_range, 3U, ~0U, 0U);
  if (plan.options.user && !become(*plan.options.user)) _exit(exit_cannot_execute);
  // After setuid, which clears the setting. The parent may have died in between.
  if (plan.options.signal_at_parents_death != 0) {
    prctl(PR_SET_PDEATHSIG, plan.options.signal_at_parents_death);
    if (getppid() != plan.parent) _exit(exit_cannot_execute);
  }
  umask(0077);
  if (chdir(plan.options.directory.c_str()) == 0) execve(plan.arguments[0], plan.arguments, plan.environment);
  _exit(exit_cannot_execute);
}

int decode(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

Result<pid_t> start_child(const ChildOptions& options) {
  VAULT_CHECK(!options.command.empty() && options.input.size() <= PIPE_BUF);
  const auto refuse = [&](const std::string& what) {
    return fail(ErrorCode::unavailable, fmt::format("{}: {}: {}", options.command[0], what, std::strerror(errno)));
  };
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return refuse("pipe");
  const UniqueFd input(ends[0]);
  UniqueFd fed(ends[1]);
  const UniqueFd log(open(options.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!log) return refuse(options.log);
  if (write_all(fed.get(), options.input) != 0) return refuse("pipe");  // an empty pipe holds all of it
  fed = UniqueFd();                                                     // so that the child's input ends

  std::vector<std::string> command = options.command;
  // Nothing of the caller's environment: no PGDATA or PGOPTIONS, no connection strings.
  std::vector<std::string> environment{"PATH=/usr/bin:/bin", "LC_ALL=C", "TZ=UTC", "HOME=/"};
  const auto argument_pointers = pointers(command);
  const auto environment_pointers = pointers(environment);
  const ChildPlan plan{options, argument_pointers.data(), environment_pointers.data(), input.get(), log.get(),
                       getpid()};
  const pid_t pid = fork();
  if (pid == 0) run_child(plan);
  if (pid < 0) return refuse("fork");
  return pid;
}

int wait_for_child(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return exit_cannot_execute;
  }
  return decode(status);
}

std::optional<int> poll_child(pid_t pid) {
  int status = 0;
  const pid_t found = waitpid(pid, &status, WNOHANG);
  if (found == 0 || (found < 0 && errno == EINTR)) return std::nullopt;
  return found < 0 ? exit_cannot_execute : decode(status);
}

std::optional<std::string> first_closed_directory(const ServerUser& user, const std::vector<std::string>& paths) {
  // Ask the kernel as that user, so that modes, groups and access lists all count.
  const pid_t pid = fork();
  if (pid == 0) {
    if (!become(user)) _exit(0);
    int position = 1;
    for (const auto& path : paths) {
      if (access(path.c_str(), X_OK) != 0) _exit(position);
      if (++position > 250) break;
    }
    _exit(0);
  }
  const int position = pid < 0 ? 0 : wait_for_child(pid);
  if (position < 1 || position > static_cast<int>(paths.size())) return std::nullopt;
  return paths[static_cast<std::size_t>(position) - 1];
}

}  // namespace vault
