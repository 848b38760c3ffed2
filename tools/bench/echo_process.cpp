#include "tools/bench/echo_process.hpp"

#include <fmt/format.h>
#include <signal.h>

#include "os/child_process.hpp"
#include "wire/client/echo.hpp"

namespace vault::bench {

EchoProcess::EchoProcess() : messages_{std::string(echo_message)} {}

Result<std::unique_ptr<EchoProcess>> EchoProcess::start(const std::string& program, const std::string& directory) {
  std::unique_ptr<EchoProcess> echo(new EchoProcess());
  LoadOptions options;
  options.endpoint = fmt::format("ipc://{}/echo", directory);
  options.sockets = 1;
  options.in_flight = 1;
  ChildOptions child;
  child.command = {program, "--echo", options.endpoint};
  child.directory = directory;
  child.log = directory + "/echo.log";
  child.signal_at_parents_death = SIGKILL;
  const auto pid = start_child(child);
  if (!pid) return tl::unexpected(pid.error());
  echo->pid_ = *pid;
  auto client = LoadGenerator::connect(options, echo->messages_);
  if (!client) return tl::unexpected(client.error());
  echo->client_ = *std::move(client);
  if (const auto first = echo->round_trip(); !first) return tl::unexpected(first.error());
  return echo;
}

EchoProcess::~EchoProcess() {
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  (void)wait_for_child(pid_);
}

}  // namespace vault::bench
