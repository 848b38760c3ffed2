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
#include "os/file_descriptor.hpp"

namespace vault {

struct PostgresPaths {
  std::string directory;  // absolute
  std::string data;
  std::string run;
  std::string log;
};

// Absolute paths. Error: invalid_argument if the socket's path would not fit a socket address.
Result<PostgresPaths> postgres_paths(const std::string& directory);

// Makes DIR (and its missing parents) and locks it. Closing the returned file unlocks it. Error: invalid_argument if it
// is in use by another vaultd, or cannot be made.
Result<UniqueFd> lock_postgres_directory(const PostgresPaths& paths);

// The user that the server runs as: nullopt (the caller) unless the caller is root; then the owner of the data
// directory, or `postgres` if there is none yet. Error: invalid_argument if there is no such user, or naming a
// directory on the way that the user may not enter.
Result<std::optional<ServerUser>> choose_server_user(const PostgresPaths& paths);

// Makes a directory with mode 0700 that belongs to `user`.
Status make_private_directory(const std::string& path, const std::optional<ServerUser>& user);

// The major version that made the data directory; nullopt if there is none yet. Error: invalid_argument if something
// else is there, or it is not readable.
Result<std::optional<int>> data_version(const PostgresPaths& paths);

// The directory with initdb and postgres of major version `wanted`, or of the newest one installed. Error:
// invalid_argument naming the package.
Result<std::string> find_postgres_programs(std::optional<int> wanted);

// The last lines of a log, for an error message.
std::string last_lines(const std::string& path, std::size_t lines);

// The contents of postmaster.pid in the data directory; nullopt if it does not exist.
struct PostmasterFile {
  pid_t pid = 0;
  bool ready = false;
};
std::optional<PostmasterFile> read_postmaster_file(const std::string& data);

// True for a PostgreSQL running in this data directory, left over from a killed vaultd.
bool is_postmaster_of(pid_t pid, const std::string& data);

}  // namespace vault
