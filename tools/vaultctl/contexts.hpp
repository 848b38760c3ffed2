// Several vaultds, each under a name, in ~/.config/vaultctl.toml, so that nobody has to type three flags every time.
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

// VAULTCTL_CONFIG, else vaultctl.toml in XDG_CONFIG_HOME, else in ~/.config; "" if none of them is set.
std::string context_file_path();
// A missing file counts as empty. Error: invalid_argument with file and line for anything that is not understood.
Result<ContextFile> load_context_file(const std::string& path);

// Fills in whatever neither flags nor environment have set, from the context `name`; "": from the current one, if any,
// unless --endpoint or VAULT_ENDPOINT is given: then the file is not even read.
// Error: as above, or invalid_argument if there is no context of that name.
Status apply_context(const CLI::App& app, const std::string& name, Globals& globals);

// context [NAME]: lists them, or makes one current.
void add_context(CLI::App& app, Context& context);

}  // namespace vault::ctl
