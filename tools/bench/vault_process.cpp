#include "tools/bench/vault_process.hpp"

#include <fmt/format.h>
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "os/child_process.hpp"
#include "wire/client/client.hpp"

namespace vault::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds start_patience{60};
constexpr std::chrono::seconds stop_patience{20};

std::string end_of_file(const std::string& path) {
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return text.size() > 1000 ? text.substr(text.size() - 1000) : text;
}

}  // namespace

Result<std::unique_ptr<VaultProcess>> VaultProcess::start(const std::string& program, const std::string& url,
                                                          const std::string& directory,
                                                          const std::vector<std::string>& more) {
  std::error_code failed;
  std::filesystem::create_directories(directory, failed);
  if (failed) return fail(ErrorCode::unavailable, directory + ": " + failed.message());
  std::unique_ptr<VaultProcess> vaultd(new VaultProcess());
  vaultd->endpoint_ = fmt::format("ipc://{}/requests", directory);
  const std::string log = directory + "/vaultd.log";
  ChildOptions child;
  child.command = {program,       "--database",
                   url,           "--migrate",
                   "--requests",  vaultd->endpoint_,
                   "--ingest",    fmt::format("ipc://{}/ingest", directory),
                   "--events",    fmt::format("ipc://{}/events", directory),
                   "--state-dir", directory + "/state",
                   "--log-level", "warning"};
  child.command.insert(child.command.end(), more.begin(), more.end());
  child.directory = directory;
  child.log = log;
  child.signal_at_parents_death = SIGTERM;
  auto pid = start_child(child);
  if (!pid) return tl::unexpected(pid.error());
  vaultd->pid_ = *pid;
  if (Status ready = vaultd->wait_until_sealing(log); !ready) return tl::unexpected(ready.error());
  return vaultd;
}

Status VaultProcess::wait_until_sealing(const std::string& log) {
  auto client = Client::connect({.endpoint = endpoint_, .timeout = std::chrono::milliseconds{500}, .curve = {}});
  if (!client) return tl::unexpected(client.error());
  const auto deadline = Clock::now() + start_patience;
  for (;;) {
    auto receipt = (*client)->append_entry(
        {.session_id = "bench", .authority = "vault-bench", .verdict = "SEAL", .seal_data = "{}", .seal_id = {}});
    if (receipt) return {};
    if (const auto code = poll_child(pid_)) {
      pid_ = -1;
      return fail(ErrorCode::unavailable, fmt::format("vaultd ended with {}: {}", *code, end_of_file(log)));
    }
    if (Clock::now() > deadline) {
      return fail(ErrorCode::unavailable,
                  fmt::format("vaultd takes no seals ({}): {}", receipt.error().message, end_of_file(log)));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  }
}

VaultProcess::~VaultProcess() {
  if (pid_ < 0) return;
  kill(pid_, SIGTERM);
  const auto deadline = Clock::now() + stop_patience;
  while (!poll_child(pid_)) {
    if (Clock::now() > deadline) kill(pid_, SIGKILL);
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  }
}

}  // namespace vault::bench
