#include "tools/vaultctl/usage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "ledger/nearest.hpp"
#include "tools/common/terminal.hpp"

namespace vault::ctl {
namespace {

std::string did_you_mean(std::string_view name, const std::vector<std::string>& known) {
  const std::string_view meant = nearest(name, std::span<const std::string>(known));
  return meant.empty() ? std::string() : "; did you mean " + std::string(meant) + "?";
}

// Stricter: most options are short, and half of the letters of one make many others.
std::string did_you_mean_option(const std::string& name, const std::vector<std::string>& known) {
  const std::string_view meant = nearest(name, std::span<const std::string>(known));
  const std::size_t letters = name.size() - std::min(name.size(), name.find_first_not_of('-'));
  return 3 * count_mistakes(name, meant) <= letters ? did_you_mean(name, known) : "";
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  return names;
}

CLI::App* find_command(CLI::App& app, const std::string& name) {
  for (CLI::App* command : app.get_subcommands({})) {
    if (command->get_name() == name) return command;
  }
  return nullptr;
}

// As they are written, "--seal-id" and "-o".
std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    for (const std::string& name : option->get_snames()) names.push_back("-" + name);
  }
  return names;
}

bool takes_value(const CLI::App& app, const std::string& name) {
  for (const CLI::Option* option : app.get_options()) {
    if (option->check_name(name)) return option->get_items_expected_max() > 0;
  }
  return false;
}

bool is_option(const std::string& word) {
  return word.size() > 1 && word.front() == '-' && !(word[1] >= '0' && word[1] <= '9');
}

}  // namespace

std::string describe_usage(CLI::App& app, const std::vector<std::string>& arguments, const std::string& refusal) {
  CLI::App* command = &app;  // the innermost command named by the words so far
  bool wants_command = true;
  for (std::size_t i = 0; i < arguments.size() && arguments[i] != "--"; ++i) {
    const std::string name = arguments[i].substr(0, arguments[i].find('='));
    if (is_option(arguments[i])) {
      std::vector<std::string> known = option_names(*command);
      if (command != &app) {
        const auto globals = option_names(app);
        std::copy_if(globals.begin(), globals.end(), std::back_inserter(known),
                     [](const std::string& option) { return option != "--version"; });  // works without a command
      }
      const bool is_known = std::find(known.begin(), known.end(), name) != known.end();
      const bool bundled = name.size() > 1 && name[1] != '-';  // -oFILE
      if (!is_known && !bundled) return "unknown option " + name + did_you_mean_option(name, known);
      const bool has_value = name.size() < arguments[i].size();
      if (!has_value && (takes_value(*command, name) || takes_value(app, name))) ++i;
      continue;
    }
    if (!wants_command) continue;
    CLI::App* next = find_command(*command, arguments[i]);
    if (next == nullptr) {
      const std::string prefix = command == &app ? "" : command->get_name() + " ";
      const std::string hint = did_you_mean(arguments[i], command_names(*command));
      return fmt::format("unknown command \"{}{}\"{}", prefix, arguments[i], hint);
    }
    command = next;
    wants_command = !command->get_subcommands({}).empty();
  }
  if (wants_command) return "a command is missing";
  return refusal;
}

void add_help(CLI::App& app, Context& context) {
  auto words = std::make_shared<std::vector<std::string>>();
  CLI::App* command = app.add_subcommand("help", "Show the help of vaultctl, or of a command");
  command->add_option("COMMAND", *words, "The command, with its subcommand where it has any");
  command->footer("Examples:\n  vaultctl help\n  vaultctl help legacy import");
  command->callback([words, &app, &context] {
    context.run = [words, &app, &context] {
      CLI::App* shown = &app;
      std::string name = app.get_name();
      for (const std::string& word : *words) {
        CLI::App* next = find_command(*shown, word);
        if (next == nullptr) {
          return report(context, {ErrorCode::invalid_argument,
                                  "there is no command \"" + word + "\"" + did_you_mean(word, command_names(*shown)),
                                  {}});
        }
        shown = next;
        name += " " + word;
      }
      // App::help() would show the help of the command that was parsed: of this one.
      const std::string text = shown->get_formatter()->make_help(shown, name, CLI::AppFormatMode::Normal);
      std::fwrite(text.data(), 1, text.size(), stdout);
      return finish_output(exit_done);
    };
  });
}

}  // namespace vault::ctl
