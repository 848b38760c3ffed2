// Files and directories that survive a power failure. A new name is durable only once the directory that holds it has
// been fsynced. If a directory's own name is lost, so are the files in it, however often they were fsynced.
#pragma once

#include <sys/types.h>

#include <string>

#include "ledger/result.hpp"

namespace vault {

// fsync of a directory. 0, or errno.
int sync_directory(const std::string& path);

// Makes a directory and its missing parents, each durable in its parent before anything is made in it; `mode` as for
// mkdir. A directory that already exists is made durable too, if its parent may be opened: the process that made it may
// have died before it did so. 0, or errno (ENOTDIR if something else has the name).
int make_durable_directory(const std::string& path, mode_t mode);

// Replaces or creates a file: after a crash it holds either its old contents or all of `bytes`. Written under another
// name (path.new), fsynced, renamed, and the directory fsynced. Error: internal naming the path.
Status write_file_durably(const std::string& path, const std::string& bytes, mode_t mode);

}  // namespace vault
