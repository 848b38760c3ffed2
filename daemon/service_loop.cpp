#include "daemon/service_loop.hpp"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "daemon/exit_code.hpp"
#include "daemon/logging.hpp"
#include "daemon/peer_guard.hpp"
#include "daemon/peer_limits.hpp"
#include "daemon/service_manager.hpp"
#include "os/file_descriptor.hpp"
#include "os/log.hpp"
#include "os/process_figures.hpp"

namespace vault {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// READY is sent after this long even if the database is not there yet, so that an outage causes no restart loop.
constexpr std::chrono::seconds ready_patience{20};
// The watchdog is not fed once an actor has given no sign of life for this long.
constexpr std::chrono::seconds pulse_patience{10};

// The role as people read it in the log.
std::string role_name(ServiceState::Role role) {
  switch (role) {
    case ServiceState::Role::writer:
    case ServiceState::Role::emergency:
      return "writer";
    case ServiceState::Role::standby:
      return "standby";
    case ServiceState::Role::refusing:
    case ServiceState::Role::waiting:
      break;
  }
  return "waiting";
}

// The status that the service manager shows to people.
std::string status_text(const ServiceState& state) {
  const std::string role = role_name(state.role);
  if (state.role == ServiceState::Role::writer) return role;
  if (state.role == ServiceState::Role::emergency) return role + " in EMERGENCY MODE";
  return state.detail.empty() ? role : role + ": " + state.detail;
}

}  // namespace

// Logs peers that the guard has refused or cut off since the last time, at most once a second.
void ServiceLoop::sweep_peers() {
  const PeerGuard::Counts counts = peer_guard().sweep({true, parts_.ingest_is_read, true});
  const auto count = [](std::uint64_t number) { return static_cast<std::int64_t>(number); };
  parts_.outbox.send(to::gateway,
                     PeersSeen{count(counts.peers), count(counts.refused), count(counts.cut), count(counts.paused)});
  if (const auto cut = counts.cut - std::exchange(peers_cut_, counts.cut); cut > 0) {
    log_warning("vaultd", "peers cut off", {{"peers", cut}, {"last_for", counts.cut_for}});
  }
  if (const auto refused = counts.refused - std::exchange(peers_refused_, counts.refused); refused > 0) {
    log_warning("vaultd", "connections refused: too many peers", {{"refused", refused}, {"connected", counts.peers}});
  }
}

void ServiceLoop::announce(const ServiceState& state) {
  notify_status(status_text(state));
  const bool settled = state.role != ServiceState::Role::waiting;
  // The reason is logged only once, where it is found: as an alert, or by the writer.
  const std::string as = role_name(state.role);
  if (settled && !ready_) {
    ready_ = true;
    notify_ready();
    log_info("vaultd", "ready", {{"as", as}}, LogEvent::ready);
  } else if (!announced_ || as != role_name(*announced_)) {
    log_info("vaultd", "state", {{"as", as}}, LogEvent::state_changed);
  }
  announced_ = state.role;
}

// Logs what changed, and which of it takes effect only after a restart.
void ServiceLoop::report_reloaded(const Settings& now) {
  std::string live, restart;
  for (const std::string& name : changed_settings(in_force_, now)) {
    std::string& list = is_live_setting(name) ? live : restart;
    list += (list.empty() ? "" : ", ") + name;
  }
  log_info("vaultd", "settings reloaded", {{"changed", live.empty() ? "nothing" : live}, {"log_level", now.log_level}},
           LogEvent::settings_reloaded);
  if (!restart.empty())
    log_warning("vaultd", "these settings take effect only after a restart", {{"settings", restart}});
  Settings taken = in_force_;
  take_live_settings(now, taken);
  in_force_ = taken;
}

void ServiceLoop::reload_settings() {
  notify_reloading();
  auto settings = parts_.reload();
  if (!settings) {
    std::string wrong = settings.error().message;  // a line for each setting
    for (auto at = wrong.find('\n'); at != std::string::npos; at = wrong.find('\n')) wrong.replace(at, 1, "; ");
    log_error("vaultd", "settings not reloaded: " + wrong);
  } else {
    // The change is logged under whichever level shows it.
    const bool shown = log_enabled(LogLevel::info);
    if (!shown) (void)set_log_level(settings->log_level);
    guard_message_size(*settings);
    SettingsChanged changed;
    changed.seal_bytes_max = settings->max_seal_bytes;
    changed.message_bytes_max = settings->max_message_bytes;
    changed.queue_seals_max = settings->queue_seals;
    changed.queue_bytes_max = settings->queue_bytes;
    changed.slow_request = settings->slow_request;
    parts_.outbox.send(to::gateway, changed);
    report_reloaded(*settings);
    if (shown) (void)set_log_level(settings->log_level);
  }
  notify_ready();
}

void ServiceLoop::obey_signals(int signals, bool& stop) {
  signalfd_siginfo info{};
  while (read(signals, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    if (info.ssi_signo == SIGHUP) {
      reload_settings();
    } else {
      log_info("vaultd", "stopping", {{"signal", info.ssi_signo}}, LogEvent::stopping);
      stop = true;
    }
  }
}

int ServiceLoop::run() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  const UniqueFd signals(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!signals) {
    log_error("vaultd", "cannot start: no signalfd");
    return exit_failure;
  }
  const auto started = Clock::now();
  const auto interval = watchdog_interval();
  const auto tick = std::min(milliseconds(1'000),
                             interval ? std::chrono::duration_cast<milliseconds>(*interval / 2) : milliseconds(1'000));
  auto next_ping = started;
  bool stop = false;
  int code = exit_stopped;
  while (!stop) {
    const auto report = parts_.supervisor.listen(std::min(tick, milliseconds(250)), signals.get());
    if (report.state) announce(*report.state);
    if (report.configuration) {
      log_error("vaultd", *report.configuration);
      code = parts_.preparation && parts_.preparation->rights_missing() ? exit_environment : exit_configuration;
      stop = true;
    }
    if (report.failed) {
      log_error("vaultd", "an actor failed", {{"reason", *report.failed}});
      code = exit_failure;
      stop = true;
    }
    if (report.woken) obey_signals(signals.get(), stop);
    if (Clock::now() >= next_ping) {
      next_ping = Clock::now() + tick;
      sweep_peers();
      parts_.outbox.send(to::gateway, Measured{process_figures()});
      if (parts_.handshakes) parts_.handshakes->sweep();
      parts_.supervisor.ping();
      if (parts_.supervisor.all_alive(pulse_patience)) feed_watchdog();
      if (parts_.embedded) (void)parts_.embedded->keep_running();  // it logs when it dies and when it is back
    }
    if (!ready_ && !stop && Clock::now() - started >= ready_patience) {
      ready_ = true;
      notify_ready();
      log_warning("vaultd", "ready, but there is no database yet");
    }
  }
  return code;
}

}  // namespace vault
