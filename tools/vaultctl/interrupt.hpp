// Ends a command in good order: Ctrl-C requests it, a second Ctrl-C forces it.
#pragma once

namespace vault::ctl {

// From now on, the first SIGINT or SIGTERM is only noted; a second one of either ends the process at once. System calls
// continue, except for poll and similar ones; those need timeouts as well, since a signal may arrive just before them.
void stop_on_signals();

// 0, or the signal received.
int stop_signal();

// The exit code that a shell reports for a process ended by this signal: 130 for SIGINT. For commands that end in good
// order without having finished.
int exit_code_of_signal(int signal);

}  // namespace vault::ctl
