// Reads whole files named by settings: settings, keys. Anything but a regular file is refused before a byte is read (a
// FIFO would block for ever, a directory would make the library throw, /dev/zero has no end).
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>

#include "ledger/result.hpp"
#include "ledger/signed_note.hpp"

namespace vault {

struct InputFile {
  std::string bytes;
  mode_t mode = 0;  // permission bits
  uid_t owner = 0;
};

// Errors, each beginning with the path: not_found; forbidden if it may not be read; invalid_argument if it is not a
// regular file or has more than `bytes_max` bytes.
Result<InputFile> read_input_file(const std::string& path, std::size_t bytes_max);

// OK if nobody but the owner may read or write the file; if root owns it, its group may read it. Error: forbidden, with
// the command that fixes it.
Status check_secret_mode(const InputFile& file, const std::string& path);

// The signing key in the file `path`, under the name `origin`. nullopt if there is no such file. Errors, naming the
// setting signing_key and the path: forbidden (unreadable, or others may read it), invalid_argument (not a file, or not
// such a key).
Result<std::optional<SigningKey>> read_signing_key(const std::string& path, const std::string& origin);

}  // namespace vault
