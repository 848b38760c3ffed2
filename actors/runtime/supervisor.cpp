#include "actors/runtime/supervisor.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "actors/runtime/owned_frame.hpp"
#include "actors/topology.hpp"
#include "ledger/check.hpp"
#include "os/log.hpp"

namespace vault {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

Status Supervisor::start(const std::vector<NamedActor>& actors, OpenPorts open_ports, std::optional<bool> waits) {
  const ThreadId thread = place_of(actors.front().id).thread;
  VAULT_CHECK(actors.size() == 1 || thread != ThreadId::own);
  for (const NamedActor& hosted : actors) VAULT_CHECK(place_of(hosted.id).thread == thread);
  ActorThread host;
  host.shell = std::make_unique<Shell>(context_, actors, std::move(open_ports), busy_poll_);
  for (const NamedActor& hosted : actors) host.running.push_back(hosted.id);
  host.waits = waits.value_or(place_of(actors.front().id).waits);
  host.last_pong = Clock::now();
  zmq::message_t frame;
  for (;;) {
    try {
      (void)host.shell->lifecycle().recv(frame);
      break;
    } catch (const zmq::error_t& error) {
      if (error.num() != EINTR) return fail(ErrorCode::internal, error.what());
    }
  }
  auto& first = value_in<LifecycleReport>(frame);
  if (auto* failed = std::get_if<ShellFailed>(&first)) return tl::unexpected(std::move(failed->error));
  VAULT_CHECK(std::holds_alternative<ShellReady>(first) && host.shell->opened());
  threads_.push_back(std::move(host));
  return {};
}

void Supervisor::hear(ActorThread& host, LifecycleReport& heard, Report& report) {
  const Overloaded hear_one{
      [](ShellReady&) { VAULT_CHECK(false && "start() has heard that already"); },
      [&](ShellFailed& failed) {
        host.running.clear();
        report.failed = std::move(failed.error.message);
      },
      [&](ConfigurationRefused& refused) { report.configuration = std::move(refused.reason); },
      [&](ServiceState& state) { report.state = std::move(state); },
      [&](ActorStopped& stopped) { std::erase(host.running, stopped.actor); },
      [&](Pong&) { host.last_pong = Clock::now(); },
  };
  std::visit(hear_one, heard);
}

Supervisor::Report Supervisor::listen(milliseconds timeout, int wake_fd) {
  Report report;
  std::vector<zmq::pollitem_t> items;
  for (ActorThread& host : threads_) items.push_back({host.shell->lifecycle().handle(), 0, ZMQ_POLLIN, 0});
  if (wake_fd >= 0) items.push_back({nullptr, wake_fd, ZMQ_POLLIN, 0});
  try {
    zmq::poll(items.data(), items.size(), timeout);
  } catch (const zmq::error_t& error) {
    if (error.num() != EINTR) report.failed = error.what();
    return report;
  }
  for (ActorThread& host : threads_) {
    zmq::message_t frame;
    try {
      while (host.shell->lifecycle().recv(frame, zmq::recv_flags::dontwait)) {
        hear(host, value_in<LifecycleReport>(frame), report);
      }
    } catch (const zmq::error_t& error) {
      if (error.num() != EINTR) report.failed = error.what();
    }
  }
  report.woken = wake_fd >= 0 && (items.back().revents & ZMQ_POLLIN) != 0;
  return report;
}

void Supervisor::ping() {
  for (ActorThread& host : threads_) {
    if (!host.waits && !host.running.empty()) host.shell->tell(Ping{});
  }
}

bool Supervisor::all_alive(milliseconds patience) const {
  const auto oldest = Clock::now() - patience;
  return std::all_of(threads_.begin(), threads_.end(), [&](const ActorThread& host) {
    return host.waits || host.running.empty() || host.last_pong >= oldest;
  });
}

bool Supervisor::stop(milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  std::set<int> ranks;
  for (const ActorThread& host : threads_) {
    for (const ActorId id : host.running) ranks.insert(place_of(id).stop_rank);
  }
  for (const int rank : ranks) {
    const auto of_rank = [rank](ActorId id) { return place_of(id).stop_rank == rank; };
    const auto waits = [&](const ActorThread& host) {
      return std::any_of(host.running.begin(), host.running.end(), of_rank);
    };
    for (ActorThread& host : threads_) {
      for (const ActorId id : host.running) {
        if (of_rank(id)) host.shell->tell(StopActor{id});
      }
    }
    while (std::any_of(threads_.begin(), threads_.end(), waits)) {
      if (Clock::now() >= deadline) {
        for (const ActorThread& host : threads_) {
          if (waits(host)) log_error("supervisor", "did not stop in time", {{"actor", host.shell->name()}});
        }
        return false;
      }
      const Report report = listen(milliseconds(50), -1);
      if (report.failed) log_error("supervisor", "failed while stopping", {{"reason", *report.failed}});
    }
  }
  threads_.clear();  // joins
  return true;
}

}  // namespace vault
