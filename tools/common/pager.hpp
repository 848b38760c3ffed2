// A pager between stdout and the terminal, as in psql and journalctl. State of the process: main starts and ends it;
// everything else only asks which terminal people see.
#pragma once

namespace vault::ctl {

// Runs for its lifetime, if `wanted` and stdout is a terminal: pipes stdout to VAULT_PAGER, else PAGER (each as the
// shell interprets it), else less if it is installed. Does nothing if that is "" or "cat", or cannot be started. Create
// one at a time, before there is another thread.
class Pager {
 public:
  explicit Pager(bool wanted);
  // Ends the output and waits until the user has quit the pager.
  ~Pager();
  Pager(const Pager&) = delete;
  Pager& operator=(const Pager&) = delete;
};

// True if a pager runs: if it no longer accepts output, its user has quit, which is not a failure.
bool is_paged();
// The terminal on which stdout ends up, for its width and colours.
int stdout_terminal();

}  // namespace vault::ctl
