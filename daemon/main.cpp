// vaultd: the daemon of a VAULT999 ledger.
#include <signal.h>
#include <sys/stat.h>

#include <cstdio>
#include <sstream>
#include <string>

#include "daemon/logging.hpp"
#include "daemon/preflight.hpp"
#include "daemon/settings/settings.hpp"
#include "daemon/start_check.hpp"
#include "daemon/vaultd.hpp"
#include "os/inherited_state.hpp"
#include "os/log.hpp"
#include "version.hpp"

namespace {

int refuse(const vault::Error& error) {
  std::istringstream lines(error.message);  // one for each thing that is wrong
  for (std::string line; std::getline(lines, line);) std::fprintf(stderr, "vaultd: %s\n", line.c_str());
  return vault::exit_code_of(error);
}

// Signals are read from a signalfd, so they must be blocked in every thread created from here on.
void block_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  // A lost peer is noticed when writing, and sending vaultd a signal without meaning must not end it.
  for (const int signal : {SIGPIPE, SIGUSR1, SIGUSR2}) ::signal(signal, SIG_IGN);
}

}  // namespace

int main(int argc, char** argv) {
  vault::reset_inherited_state();
  block_signals();
  umask(0027);
  std::string help;
  const auto load = [&] { return vault::load_settings(argc, argv, help); };
  auto settings = load();
  if (!help.empty()) {
    std::fputs(help.c_str(), stdout);
    return vault::exit_stopped;
  }
  if (!settings) return refuse(settings.error());
  if (settings->version) {
    std::printf("vaultd %s\n", vault::version_text);
    return vault::exit_stopped;
  }
  if (const vault::Status checked = vault::check_settings(*settings); !checked) return refuse(checked.error());
  if (const vault::Status checked = vault::check_databases(*settings); !checked) return refuse(checked.error());
  if (settings->check_config) {
    std::fputs(vault::format_settings(*settings).c_str(), stdout);
    for (const auto& doubt : vault::doubtful_variables(*settings)) std::fprintf(stderr, "vaultd: %s\n", doubt.c_str());
    int code = vault::exit_stopped;
    for (const auto& [what, found] : vault::survey_surroundings(*settings, true)) {
      if (found) continue;
      const int one = refuse(found.error());
      if (code == vault::exit_stopped) code = one;
    }
    return code;
  }
  if (settings->preflight) return vault::run_preflight(*settings);
  if (const vault::Status logging = vault::set_up_logging(settings->log_level, settings->log_format); !logging) {
    return refuse(logging.error());
  }
  for (const auto& doubt : vault::doubtful_variables(*settings)) vault::log_warning("vaultd", doubt);
  return vault::run_vaultd(*settings, load);
}
