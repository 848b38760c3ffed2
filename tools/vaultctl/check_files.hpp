// vaultctl check: checks several files of evidence at once. Recognises the kind of each, and checks together those that
// belong together.
#pragma once

#include <string>
#include <vector>

#include "tools/vaultctl/command.hpp"

namespace vault::ctl {

struct CheckFilesOptions {
  std::vector<std::string> files;
  std::string vkey;
};

// Returns the exit code: 1 if any of them does not check, otherwise that of the first that cannot be read,
// or is no evidence.
int run_check_files(const Context& context, const CheckFilesOptions& options);

}  // namespace vault::ctl
