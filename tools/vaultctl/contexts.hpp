// Several vaultds, each under a name: ~/.config/vaultctl.toml, so that nobody types three flags on every line.
//
//   current = "prod"
//   [contexts.prod]
//   endpoint = "tcp://db1.example.org:9990"
//   events = "tcp://db1.example.org:9992"
//   key_dir = "~/.config/vault"
//   timeout = "10s"
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tools/vaultctl/command.hpp"

namespace vault::ctl {

struct NamedContext {
  std::string name;
  std::optional<std::string> endpoint{}, events{}, key_dir{};
  std::optional<std::chrono::milliseconds> timeout{};
};

struct ContextFile {
  std::string path;
  std::optional<std::string> current{};
  std::vector<NamedContext> contexts{};  // by name
};

// VAULTCTL_CONFIG, else vaultctl.toml in XDG_CONFIG_HOME, else in ~/.config; "" where none of them is set.
std::string context_file_path();
// A file that is not there holds nothing. Error: invalid_argument with file and line for what is not understood.
Result<ContextFile> load_context_file(const std::string& path);

// Fills in what neither flags nor environment have set, from the context `name`; "": from the current one, if any.
// Error: as above, or invalid_argument where there is no context of that name.
Status apply_context(const CLI::App& app, const std::string& name, Globals& globals);

// context [NAME]: lists them, or makes one the current.
void add_context(CLI::App& app, Context& context);

}  // namespace vault::ctl
