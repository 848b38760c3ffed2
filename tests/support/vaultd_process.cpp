#include "tests/support/vaultd_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace vault::test {

VaultdProcess::VaultdProcess(std::string database_url, std::vector<std::string> more_arguments)
    : database_url_(std::move(database_url)), more_arguments_(std::move(more_arguments)) {
  const char* base = std::getenv("TMPDIR");
  std::string pattern = std::string(base ? base : "/var/tmp") + "/vaultd.XXXXXX";
  if (!mkdtemp(pattern.data())) throw std::runtime_error("no temporary directory");
  directory_ = pattern;
  requests_ = "ipc://" + directory_ + "/requests";
  ingest_ = "ipc://" + directory_ + "/ingest";
  events_ = "ipc://" + directory_ + "/events";
  start();
  wait_until_ready();
}

VaultdProcess::~VaultdProcess() {
  if (pid_ > 0) stop();
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

void VaultdProcess::start() {
  std::vector<std::string> arguments{VAULT_BIN_DIR "/vaultd",
                                     "--database",
                                     database_url_,
                                     "--requests",
                                     requests_,
                                     "--ingest",
                                     ingest_,
                                     "--events",
                                     events_,
                                     "--state-dir",
                                     directory_ + "/state"};
  arguments.insert(arguments.end(), more_arguments_.begin(), more_arguments_.end());
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const std::string log_path = directory_ + "/log";
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("cannot fork");
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int log = open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    execv(argv[0], argv.data());
    _exit(127);
  }
}

int VaultdProcess::wait_for_exit() {
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int VaultdProcess::stop() {
  ::kill(pid_, SIGTERM);
  return wait_for_exit();
}

void VaultdProcess::kill() {
  ::kill(pid_, SIGKILL);
  wait_for_exit();
}

std::unique_ptr<Client> VaultdProcess::connect() const {
  auto client = Client::connect({.endpoint = requests_, .timeout = std::chrono::seconds(20), .curve = {}});
  if (!client) throw std::runtime_error(client.error().message);
  return std::move(*client);
}

void VaultdProcess::wait_until_ready() {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (std::chrono::steady_clock::now() < deadline) {
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = -1;
      throw std::runtime_error("vaultd ended: " + log());
    }
    auto client = Client::connect({.endpoint = requests_, .timeout = std::chrono::seconds(1), .curve = {}});
    // MessagePack: the string "ready", then true.
    if (auto result = (*client)->call(StatusRequest{})) {
      if (result->find("\xa5ready\xc3") != std::string::npos) return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  throw std::runtime_error("vaultd does not get ready: " + log());
}

std::string VaultdProcess::log() const {
  std::ifstream file(directory_ + "/log");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace vault::test
