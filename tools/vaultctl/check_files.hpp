// vaultctl check: several files of evidence at once, each recognised by itself, and those that belong together checked
// together.
#pragma once

#include <string>
#include <vector>

#include "tools/vaultctl/command.hpp"

namespace vault::ctl {

struct CheckFilesOptions {
  std::vector<std::string> files;
  std::string vkey;
};

// Returns the exit code: 1 where any of them does not check, else that of the first that cannot be read.
int run_check_files(const Context& context, const CheckFilesOptions& options);

}  // namespace vault::ctl
