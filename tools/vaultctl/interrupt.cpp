#include "tools/vaultctl/interrupt.hpp"

#include <csignal>

namespace vault::ctl {
namespace {

constexpr int shell_signal_base = 128;

volatile std::sig_atomic_t noted = 0;

void set_action(void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;  // stdio drops the data that it was writing when a write is interrupted
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

}  // namespace

void stop_on_signals() {
  set_action([](int signal) {
    noted = signal;
    set_action(SIG_DFL);
  });
}

int stop_signal() {
  return noted;
}

int exit_code_of_signal(int signal) {
  return shell_signal_base + signal;
}

}  // namespace vault::ctl
