// A command line that is not understood: what was meant, said as far as can be guessed. And `vaultctl help`.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "tools/vaultctl/command.hpp"

namespace vault::ctl {

// What is wrong with `arguments` (without the program's name), which `app` has refused with `refusal`: names the word
// or option that there is not, and the one that is nearest.
std::string describe_usage(CLI::App& app, const std::vector<std::string>& arguments, const std::string& refusal);

// help [COMMAND]...: the same as COMMAND --help.
void add_help(CLI::App& app, Context& context);

}  // namespace vault::ctl
