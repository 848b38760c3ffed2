// Explains a command line that was not understood, with a guess at what was meant. And `vaultctl help`.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "tools/vaultctl/command.hpp"

namespace vault::ctl {

// Describes what is wrong with `arguments` (without the program's name), which `app` has refused with `refusal`: names
// the unknown word or option, and the nearest known one.
std::string describe_usage(CLI::App& app, const std::vector<std::string>& arguments, const std::string& refusal);

// help [COMMAND]...: the same as COMMAND --help.
void add_help(CLI::App& app, Context& context);

}  // namespace vault::ctl
