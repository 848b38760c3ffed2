// Reads files whole, up to a size that the caller names.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>

#include "ledger/result.hpp"

namespace vault {

struct WholeFile {
  std::string bytes;
  mode_t mode = 0;  // permission bits
  uid_t owner = 0;
};

// Reads a regular file. Anything else is refused before a byte is read: a FIFO would block for ever, and /dev/zero has
// no end. Errors, each beginning with the path: not_found; forbidden if the file may not be read; invalid_argument if
// it is not a regular file or has more than `bytes_max` bytes; internal if reading fails.
Result<WholeFile> read_whole_file(const std::string& path, std::size_t bytes_max);

// Appends the rest of an open file or pipe, up to `bytes_max` bytes, to `out`. Returns 0, EFBIG if there is more, or
// the errno of the failure.
int read_to_end(int fd, std::size_t bytes_max, std::string& out);

}  // namespace vault
