// What may stand at the end of a command line that is being typed: what the completions of bash, zsh and fish
// (package/completion) ask by `vaultctl complete WORD...`. Asks no daemon and no database.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace vault::ctl {

// `words`: what stands behind the program's name, the last of them unfinished and perhaps empty. A candidate an
// element, "word<TAB>description"; or the one element ":files" or ":directories", which the shell knows better.
std::vector<std::string> complete(CLI::App& app, const std::vector<std::string>& words);

}  // namespace vault::ctl
