// The embedded PostgreSQL on disk: where its programs are, whom it runs as, and its directory.
//
//   DIR/vaultd.lock    held by the vaultd that owns DIR
//   DIR/data           PostgreSQL's data directory; made under another name and renamed when it is whole
//   DIR/run            its socket
//   DIR/postgres.log   what server and initdb say
#pragma once

#include <optional>
#include <string>

#include "ledger/result.hpp"
#include "os/child_process.hpp"

namespace vault {

struct PostgresPaths {
  std::string directory;  // absolute
  std::string data;
  std::string run;
  std::string log;
};

// Absolute paths. Error: invalid_argument where the socket's path would not fit a socket address.
Result<PostgresPaths> postgres_paths(const std::string& directory);

// Makes DIR (and what is missing above it) and locks it. Returns the lock's descriptor; closing it unlocks. Error:
// invalid_argument: in use by another vaultd, or not to be made.
Result<int> lock_postgres_directory(const PostgresPaths& paths);

// Whom the server runs as: nullopt (the caller) unless the caller is root; then the owner of the data directory, or
// `postgres` where there is none yet. Error: invalid_argument: no such user, or a directory on the way that it may not
// enter, by name.
Result<std::optional<ServerUser>> choose_server_user(const PostgresPaths& paths);

// A directory with mode 0700 that belongs to `user`.
Status make_private_directory(const std::string& path, const std::optional<ServerUser>& user);

// The major version that made the data directory; nullopt where there is none yet. Error: invalid_argument: something
// else is there, or it is not readable.
Result<std::optional<int>> data_version(const PostgresPaths& paths);

// The directory with initdb and postgres of major version `wanted`, or of the newest one there is. Error:
// invalid_argument naming the package.
Result<std::string> find_postgres_programs(std::optional<int> wanted);

// The last lines of a log, for an error message.
std::string last_lines(const std::string& path, std::size_t lines);

// What postmaster.pid in the data directory says; nullopt where there is none.
struct PostmasterFile {
  pid_t pid = 0;
  bool ready = false;
};
std::optional<PostmasterFile> read_postmaster_file(const std::string& data);

// A PostgreSQL that runs in this data directory, left over by a vaultd that was killed.
bool is_postmaster_of(pid_t pid, const std::string& data);

}  // namespace vault
