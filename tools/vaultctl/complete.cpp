#include "tools/vaultctl/complete.hpp"

#include <algorithm>

#include "ledger/entry.hpp"
#include "tools/common/verdicts.hpp"
#include "tools/vaultctl/contexts.hpp"
#include "tools/vaultctl/entry_columns.hpp"

namespace vault::ctl {
namespace {

using Candidates = std::vector<std::string>;

constexpr const char *files = ":files", *directories = ":directories";

std::string described(const std::string& word, const std::string& description) {
  return description.empty() ? word : word + "\t" + description;
}

Candidates verdicts(const std::string& prefix) {
  Candidates found;
  for (const Verdict verdict :
       {Verdict::seal, Verdict::partial, Verdict::sabar, Verdict::void_, Verdict::hold, Verdict::sunset}) {
    found.push_back(described(prefix + std::string(verdict_name(verdict)), std::string(verdict_meaning(verdict))));
  }
  return found;
}

Candidates topics() {
  Candidates found = verdicts("entry.");
  for (const char* topic : {"entry.", "receipt.", "checkpoint", "alert.", "heartbeat"}) found.emplace_back(topic);
  return found;
}

Candidates contexts() {
  Candidates found;
  const auto file = load_context_file(context_file_path());
  if (!file) return found;
  for (const NamedContext& context : file->contexts) {
    found.push_back(described(context.name, context.endpoint.value_or("")));
  }
  return found;
}

Candidates columns() {
  Candidates found;
  const auto chosen = choose_columns({});
  for (const EntryColumn* column : *chosen) found.emplace_back(column->name);
  return found;
}

Candidates commands(const CLI::App& app) {
  Candidates found;
  for (const CLI::App* command : app.get_subcommands({})) {
    if (!command->get_group().empty()) found.push_back(described(command->get_name(), command->get_description()));
  }
  return found;
}

Candidates values_of(const CLI::Option& option) {
  if (option.check_lname("verdict")) return verdicts("");
  if (option.check_lname("order")) return {"asc\toldest first", "desc\tnewest first"};
  if (option.check_lname("color")) return {"auto", "always", "never"};
  if (option.check_lname("topic")) return topics();
  if (option.check_lname("timeout") || option.check_lname("interval")) return {"500ms", "5s", "30s", "2m"};
  if (option.check_lname("context")) return contexts();
  if (option.check_lname("columns")) return columns();
  const std::string type = option.get_type_name();
  if (type == "FORMAT") return {"table", "csv", "json", "ndjson"};
  if (type == "TIME") return {"today", "yesterday", "-1h", "-1d"};
  if (type == "F" || type == "FILE" || type == "KEY|FILE" || type == "FILE|DIR") return {files};
  if (type == "DIR") return {directories};
  return {};
}

Candidates options(const CLI::App& app) {
  Candidates found;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames())
      found.push_back(described("--" + name, option->get_description()));
    for (const std::string& name : option->get_snames())
      found.push_back(described("-" + name, option->get_description()));
  }
  return found;
}

Candidates positionals(const CLI::App& app, const CLI::App& root) {
  if (app.get_name() == "help") return commands(root);
  if (app.get_name() == "context") return contexts();
  for (const CLI::Option* option : app.get_options()) {
    if (!option->get_positional()) continue;
    const std::string name = option->get_name(true);
    if (name == "action") return {"up", "down", "status"};
    if (name == "FILE") return {files};
    if (name == "DIR") return {directories};
  }
  return {};
}

const CLI::Option* find_option(const CLI::App& app, const std::string& name) {
  for (const CLI::Option* option : app.get_options()) {
    if (option->nonpositional() && option->check_name(name)) return option;
  }
  return nullptr;
}

bool takes_value(const CLI::Option* option) {
  return option != nullptr && option->get_items_expected_max() > 0;
}

Candidates candidates(CLI::App& app, const std::vector<std::string>& words) {
  const CLI::App* command = &app;
  const auto find = [&](const std::string& name) {
    const CLI::Option* option = find_option(*command, name);
    return option != nullptr ? option : find_option(app, name);
  };
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    if (!words[i].empty() && words[i].front() == '-') {
      const CLI::Option* option = find(words[i]);
      if (!takes_value(option)) continue;
      if (i + 2 == words.size()) return values_of(*option);
      ++i;
      continue;
    }
    for (const CLI::App* next : command->get_subcommands({})) {
      if (next->get_name() != words[i]) continue;
      command = next;
      break;
    }
  }
  if (!words.back().empty() && words.back().front() == '-') {
    Candidates found = options(*command);
    const Candidates globals = command == &app ? Candidates() : options(app);
    for (const std::string& global : globals) {
      if (std::find(found.begin(), found.end(), global) == found.end()) found.push_back(global);
    }
    return found;
  }
  const Candidates found = commands(*command);
  return found.empty() ? positionals(*command, app) : found;
}

}  // namespace

std::vector<std::string> complete(CLI::App& app, const std::vector<std::string>& words) {
  if (words.empty()) return {};
  Candidates fitting;
  for (const std::string& candidate : candidates(app, words)) {
    if (candidate.front() == ':' || candidate.rfind(words.back(), 0) == 0) fitting.push_back(candidate);
  }
  return fitting;
}

}  // namespace vault::ctl
