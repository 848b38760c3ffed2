// Completes a command line that is being typed: the completions of bash, zsh and fish (package/completion) run
// `vaultctl complete WORD...`. Asks no daemon and no database.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace vault::ctl {

// `words`: the words after the program's name, the last of them unfinished and perhaps empty. Returns one candidate per
// element, "word<TAB>description"; or the single element ":files" or ":directories", which the shell completes better.
std::vector<std::string> complete(CLI::App& app, const std::vector<std::string>& words);

}  // namespace vault::ctl
