// Ending a command in good order: Ctrl-C asks for it, a second Ctrl-C insists.
#pragma once

namespace vault::ctl {

// From now on the first SIGINT or SIGTERM is only noted; a second one of either ends the process at once. System
// calls go on, but for poll and its like; those too must end by themselves, for a signal may come just before them.
void stop_on_signals();

// 0, or the signal that came.
int stop_signal();

// What a shell reports of a process that this signal ended: 130 for SIGINT. For commands that end in good order and
// have not done all they were asked for.
int exit_code_of_signal(int signal);

}  // namespace vault::ctl
