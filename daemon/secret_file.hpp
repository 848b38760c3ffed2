// Files that hold secrets: whether others may read them, and the signing key in one.
#pragma once

#include <optional>
#include <string>

#include "ledger/result.hpp"
#include "ledger/signed_note.hpp"
#include "os/whole_file.hpp"

namespace vault {

// OK if nobody but the owner may read or write the file; if root owns it, its group may read it. Error: forbidden, with
// the command that fixes it.
Status check_secret_mode(const WholeFile& file, const std::string& path);

// The signing key in the file `path`, under the name `origin`. nullopt if there is no such file. Errors, naming the
// setting signing_key and the path: forbidden (unreadable, or others may read it), invalid_argument (not a file, or not
// such a key).
Result<std::optional<SigningKey>> read_signing_key(const std::string& path, const std::string& origin);

}  // namespace vault
