#include "tools/common/pager.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "os/file_descriptor.hpp"

namespace vault::ctl {
namespace {

struct Running {
  pid_t pid = -1;
  UniqueFd terminal;  // the original stdout
};
Running running;

std::vector<std::string> pager_command() {
  for (const char* name : {"VAULT_PAGER", "PAGER"}) {
    if (const char* value = std::getenv(name)) {
      const std::string command = value;
      if (command.empty() || command == "cat") return {};
      return {"sh", "-c", command};
    }
  }
  return {"less"};
}

// -1 if it cannot be started.
pid_t spawn_with_stdin(const std::vector<std::string>& command, int input) {
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  if (posix_spawn_file_actions_init(&actions) != 0) return -1;
  pid_t pid = -1;
  const bool started = posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO) == 0 &&
                       posix_spawnp(&pid, arguments[0], &actions, nullptr, arguments.data(), environ) == 0;
  posix_spawn_file_actions_destroy(&actions);
  return started ? pid : -1;
}

}  // namespace

Pager::Pager(bool wanted) {
  const char* term = std::getenv("TERM");
  if (!wanted || ::isatty(STDOUT_FILENO) != 1 || term == nullptr || std::string_view(term) == "dumb") return;
  const auto command = pager_command();
  std::array<int, 2> ends{};
  if (command.empty() || ::pipe2(ends.data(), O_CLOEXEC) != 0) return;
  const UniqueFd to_read(ends[0]), to_write(ends[1]);
  // Makes less quit if everything fits on one screen, show colours, and keep the screen's history.
  ::setenv("LESS", "FRX", 0);
  UniqueFd terminal(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3));
  const pid_t pid = terminal ? spawn_with_stdin(command, to_read.get()) : -1;
  if (pid < 0) return;
  running = {pid, std::move(terminal)};
  ::dup2(to_write.get(), STDOUT_FILENO);
  // Ctrl-C belongs to the pager. If the user quits it early, writing fails with EPIPE.
  for (const int signal : {SIGINT, SIGQUIT, SIGPIPE}) std::signal(signal, SIG_IGN);
}

Pager::~Pager() {
  if (!is_paged()) return;
  std::fflush(stdout);
  ::dup2(running.terminal.get(), STDOUT_FILENO);  // closes the only write end
  while (::waitpid(running.pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  running = {};
}

bool is_paged() {
  return running.pid >= 0;
}

int stdout_terminal() {
  return is_paged() ? running.terminal.get() : STDOUT_FILENO;
}

}  // namespace vault::ctl
