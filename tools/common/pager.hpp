// A pager between stdout and the terminal, as psql and journalctl have one. State of the process: main starts and ends
// it, everything else only asks whose terminal it is that people look at.
#pragma once

namespace vault::ctl {

// As long as it lives, and if `wanted`: where stdout is a terminal, hands it to VAULT_PAGER, else PAGER (each as the
// shell takes it), else less where it is installed; nothing happens where that is "" or "cat", or cannot be started.
// One at a time; made before there is another thread.
class Pager {
 public:
  explicit Pager(bool wanted);
  // Ends the output and waits until its reader has left the pager.
  ~Pager();
  Pager(const Pager&) = delete;
  Pager& operator=(const Pager&) = delete;
};

// A pager runs: that it no longer takes the output is its reader's will, not a failure.
bool is_paged();
// The terminal that stdout ends at, for questions of width and colour.
int stdout_terminal();

}  // namespace vault::ctl
