#include "tools/vaultctl/contexts.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "ledger/nearest.hpp"
#include "ledger/passwords.hpp"
#include "ledger/quantity.hpp"
#include "tools/common/arguments.hpp"
#include "tools/common/files.hpp"
#include "tools/common/terminal.hpp"
#include "tools/vaultctl/output_file.hpp"

namespace vault::ctl {
namespace {

constexpr std::size_t file_bytes_max = 256 << 10;
constexpr mode_t file_mode = 0600;
constexpr std::array<std::string_view, 4> keys{"endpoint", "events", "key_dir", "timeout"};

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

tl::unexpected<Error> wrong(const std::string& path, const toml::node& node, const std::string& what) {
  return fail(ErrorCode::invalid_argument, fmt::format("{}:{}: {}", path, node.source().begin.line, what), "context");
}

std::string with_home(const std::string& path) {
  return path.rfind("~/", 0) == 0 ? variable("HOME") + path.substr(1) : path;
}

Status set_member(const std::string& path, std::string_view key, const toml::node& node, NamedContext& context) {
  auto text = node.value_exact<std::string>();
  if (const auto number = node.value_exact<std::int64_t>(); number && key == "timeout") text = std::to_string(*number);
  if (!text) return wrong(path, node, fmt::format("{} must be text in quotes", key));
  if (key == "endpoint") context.endpoint = *text;
  if (key == "events") context.events = *text;
  if (key == "key_dir") context.key_dir = with_home(*text);
  if (key == "timeout") {
    context.timeout = parse_timeout(*text);
    if (!context.timeout) {
      return wrong(
          path, node,
          fmt::format("timeout must be {}, from 1ms to 24h, not {}", duration_form, quoted_unless_secret(*text)));
    }
  }
  return {};
}

Result<NamedContext> read_context(const std::string& path, std::string_view name, const toml::node& node) {
  NamedContext context;
  context.name = std::string(name);
  const toml::table* members = node.as_table();
  if (members == nullptr) return wrong(path, node, fmt::format("[contexts.{}] must be a table", name));
  for (auto&& [key, member] : *members) {
    const std::string_view word = key;
    if (std::find(keys.begin(), keys.end(), word) == keys.end()) {
      const std::string_view meant = nearest(word, std::span<const std::string_view>(keys));
      return wrong(path, member,
                   fmt::format("{}: no such setting{}", word,
                               meant.empty() ? "; there are endpoint, events, key_dir and timeout"
                                             : fmt::format("; did you mean {}?", meant)));
    }
    if (const Status set = set_member(path, word, member, context); !set) return tl::unexpected(set.error());
  }
  return context;
}

Result<ContextFile> read_file(const std::string& path, const toml::table& table) {
  ContextFile file{.path = path};
  for (auto&& [key, node] : table) {
    const std::string_view word = key;
    if (word == "current") {
      file.current = node.value<std::string>();
      if (!node.is_string()) return wrong(path, node, "current must be the name of a context, in quotes");
    } else if (word == "contexts" && node.is_table()) {
      for (auto&& [name, members] : *node.as_table()) {
        auto context = read_context(path, name, members);
        if (!context) return tl::unexpected(context.error());
        file.contexts.push_back(std::move(*context));
      }
    } else {
      return wrong(path, node, fmt::format("{}: no such setting; there are current and [contexts.NAME]", word));
    }
  }
  return file;
}

Result<const NamedContext*> find_context(const ContextFile& file, const std::string& name) {
  std::vector<std::string> names;
  for (const NamedContext& context : file.contexts) {
    if (context.name == name) return &context;
    names.push_back(context.name);
  }
  const std::string_view meant = nearest(name, std::span<const std::string>(names));
  return fail(ErrorCode::invalid_argument,
              fmt::format("{} has no context \"{}\"{}", file.path, name,
                          meant.empty() ? "" : fmt::format("; did you mean \"{}\"?", meant)),
              "context");
}

bool is_given(const CLI::App& app, const char* option) {
  return app.get_option(option)->count() > 0;
}

// The file with another `current`, everything else unchanged.
std::string with_current(const std::string& text, const std::string& name) {
  std::string line = "current = " + nlohmann::json(name).dump();
  std::size_t at = 0;
  while (at < text.size() && text[at] != '[') {  // it comes before the first table
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view one(text.data() + at, end - at);
    const auto equals = one.find('=');
    if (equals != std::string_view::npos && one.substr(0, one.find_first_of(" \t=")) == "current") {
      return text.substr(0, at) + line + text.substr(end);
    }
    at = end + 1;
  }
  return line + "\n" + text;
}

int make_current(const Context& context, const ContextFile& file, const std::string& name) {
  if (const auto found = find_context(file, name); !found) return report(context, found.error());
  const auto text = read_input(file.path, file_bytes_max);
  if (!text) return report(context, text.error());
  auto output = OutputFile::open({.path = file.path, .force = true}, file_mode);
  if (!output) return report(context, output.error());
  if (const Status written = output->write(with_current(*text, name)); !written)
    return report(context, written.error());
  if (!context.globals.json) print_line("the current context is now " + printable(name));
  return finish_output(exit_done);
}

int list_contexts(const Context& context, const ContextFile& file) {
  if (context.globals.json) {
    auto list = nlohmann::ordered_json::array();
    for (const NamedContext& one : file.contexts) {
      list.push_back(
          {{"name", one.name}, {"endpoint", one.endpoint.value_or("")}, {"current", one.name == file.current}});
    }
    print_line(nlohmann::ordered_json{{"file", file.path}, {"contexts", list}}.dump());
    return finish_output(exit_done);
  }
  if (file.contexts.empty()) {
    print_note(file.path + " has no contexts; `vaultctl context --help` shows what it may say");
    return finish_output(exit_done);
  }
  Table table({Heading(" "), Heading("NAME"), Heading("ENDPOINT", true, 0), Heading("EVENTS", true, 2),
               Heading("KEY DIR", true, 1)});
  for (const NamedContext& one : file.contexts) {
    table.add({{one.name == file.current ? "*" : " ", Colour::green},
               {printable(one.name)},
               {printable(one.endpoint.value_or("-"))},
               {printable(one.events.value_or("-"))},
               {printable(one.key_dir.value_or("-"))}});
  }
  table.print();
  return finish_output(exit_done);
}

}  // namespace

std::string context_file_path() {
  if (const std::string named = variable("VAULTCTL_CONFIG"); !named.empty()) return named;
  if (const std::string directory = variable("XDG_CONFIG_HOME"); !directory.empty())
    return directory + "/vaultctl.toml";
  const std::string home = variable("HOME");
  return home.empty() ? "" : home + "/.config/vaultctl.toml";
}

Result<ContextFile> load_context_file(const std::string& path) {
  if (path.empty() || ::access(path.c_str(), F_OK) != 0) return ContextFile{.path = path};
  const auto text = read_input(path, file_bytes_max);
  if (!text) return tl::unexpected(text.error());
  try {
    return read_file(path, toml::parse(*text, path));
  } catch (const toml::parse_error& error) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{}:{}: {}", path, error.source().begin.line, error.description()), "context");
  }
}

Status apply_context(const CLI::App& app, const std::string& name, Globals& globals) {
  // The keys and events of a context are not mixed with a vaultd named on the command line.
  if (is_given(app, "--endpoint") && name.empty()) return {};
  const auto file = load_context_file(context_file_path());
  if (!file) return tl::unexpected(file.error());
  const std::string wanted = name.empty() ? file->current.value_or("") : name;
  if (wanted.empty()) return {};
  const auto found = find_context(*file, wanted);
  if (!found) return tl::unexpected(found.error());
  const NamedContext& context = **found;
  if (context.endpoint && !is_given(app, "--endpoint")) globals.endpoint = *context.endpoint;
  if (context.events && !is_given(app, "--events")) globals.events = *context.events;
  if (context.key_dir && !is_given(app, "--key-dir")) globals.key_dir = *context.key_dir;
  if (context.timeout && !is_given(app, "--timeout")) globals.timeout = *context.timeout;
  return {};
}

void add_context(CLI::App& app, Context& context) {
  auto name = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("context", "List the named vaultds, or choose one");
  command->add_option("NAME", *name, "Make it the current one");
  command->footer(
      "They are in ~/.config/vaultctl.toml (or the file that VAULTCTL_CONFIG names). Flags and environment override\n"
      "a context; --endpoint and VAULT_ENDPOINT disable the current one, but not one chosen with --context.\n"
      "Example of the file:\n"
      "  current = \"prod\"\n"
      "  [contexts.prod]\n"
      "  endpoint = \"tcp://db1.example.org:9990\"\n"
      "  events = \"tcp://db1.example.org:9992\"\n"
      "  key_dir = \"~/.config/vault\"\n"
      "  timeout = \"10s\"");
  command->callback([name, &context] {
    context.run = [name, &context] {
      const auto file = load_context_file(context_file_path());
      if (!file) return report(context, file.error());
      return name->empty() ? list_contexts(context, *file) : make_current(context, *file, *name);
    };
  });
}

}  // namespace vault::ctl
