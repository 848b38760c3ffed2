// Files and directories that are still there after the power has failed: a new name is durable only once the directory
// that holds it has been fsynced. What lies in a directory whose own name is lost is lost with it, however often it was
// fsynced itself.
#pragma once

#include <sys/types.h>

#include <string>

#include "ledger/result.hpp"

namespace vault {

// fsync of a directory. 0, or errno.
int sync_directory(const std::string& path);

// Makes a directory and what is above it, as far as it is missing, each durable in its parent before anything is made
// in it; `mode` as for mkdir. The directory that was there already is made durable too, where its parent may be opened:
// the process that made it may not have come so far. 0, or errno (ENOTDIR where something else has the name).
int make_durable_directory(const std::string& path, mode_t mode);

// Replaces a file, or makes it: after a crash it holds either what it held or all of `bytes`. Written under another
// name (path.new), fsynced, renamed, and the directory fsynced. Error: internal naming the path.
Status write_file_durably(const std::string& path, const std::string& bytes, mode_t mode);

}  // namespace vault
