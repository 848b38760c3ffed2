// Child processes: started with nothing of this process but what they are given, and waited for.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "ledger/result.hpp"

namespace vault {

// The user that a child runs as. Unset: the caller.
struct ServerUser {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
};

struct ChildOptions {
  std::vector<std::string> command;  // [0] is the program's path
  std::optional<ServerUser> user;
  std::string directory;            // working directory
  std::string log;                  // file to which stdout and stderr are appended; made with mode 0600
  std::string input;                // what stdin holds; at most a pipe's worth (4 KiB)
  int signal_at_parents_death = 0;  // 0: none. Sent when the forking *thread* ends, not the process
};

// Forks and executes, in a session of its own (vaultd itself handles a terminal's ^C), with default signal handling, no
// blocked signals, a small clean environment and no inherited descriptors. Error: unavailable.
Result<pid_t> start_child(const ChildOptions& options);

// Waits for a child. Returns its exit code, or 128 + signal.
int wait_for_child(pid_t pid);

// Like wait_for_child, without waiting: nullopt while it runs.
std::optional<int> poll_child(pid_t pid);

// The first of `paths` that `user` may not enter; nullopt if it may enter all of them.
std::optional<std::string> first_closed_directory(const ServerUser& user, const std::vector<std::string>& paths);

}  // namespace vault
