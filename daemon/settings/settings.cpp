#include "daemon/settings/settings.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <map>
#include <set>

#include "daemon/settings/fields.hpp"
#include "daemon/settings/file.hpp"
#include "ledger/nearest.hpp"
#include "ledger/passwords.hpp"

namespace vault {
namespace {

using Texts = std::map<std::string, std::vector<std::string>, std::less<>>;  // by the field's name

struct CommandLine {
  Texts values;
  std::string config;
  bool check_config = false;
  bool preflight = false;
  bool version = false;
};

void declare_flags(CLI::App& app, CommandLine& line) {
  app.add_option("--config", line.config, "TOML file with settings (or VAULT_CONFIG)")->type_name("FILE");
  app.add_flag("--check-config", line.check_config, "print the effective settings as TOML, without secrets, and exit");
  app.add_flag("--preflight", line.preflight,
               "try what a start would try, the database included, print a line for each, and exit");
  app.add_flag("--version", line.version, "print the version and exit");
  for (const auto& field : setting_fields()) {
    auto& texts = line.values[std::string(field.name)];
    const std::string fallback = format_default(field);
    const bool is_list = std::holds_alternative<std::vector<std::string> Settings::*>(field.member);
    const std::string help = fmt::format("{}{}{}", field.help, is_list ? "; may be repeated" : "",
                                         fallback.empty() ? "" : " [" + fallback + "]");
    if (std::holds_alternative<bool Settings::*>(field.member)) {
      app.add_flag(flag_of(field), texts, help)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    } else if (is_list) {
      app.add_option(flag_of(field), texts, help)->allow_extra_args(false)->type_name(placeholder_of(field));
    } else {
      app.add_option(flag_of(field), texts, help)
          ->expected(1)
          ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)
          ->type_name(placeholder_of(field));
    }
  }
}

std::string describe_refusal(const CLI::App& app, const CLI::ParseError& error) {
  const std::string unknown = describe_unknown_option(app);
  return unknown.empty() ? error.what() : unknown;
}

Status apply_flags(const CommandLine& line, Settings& settings, std::set<std::string>& given) {
  for (const auto& field : setting_fields()) {
    const auto& texts = line.values.find(field.name)->second;
    if (texts.empty()) continue;
    if (Status status = set_from_texts(field, texts, settings); !status) {
      return fail(ErrorCode::invalid_argument, fmt::format("{}: {}", flag_of(field), status.error().message),
                  std::string(field.name));
    }
    given.emplace(field.name);
    settings.origins[std::string(field.name)] = flag_of(field);
  }
  return {};
}

// Empty counts as not set.
std::optional<std::string> variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

std::vector<std::string> split_at_commas(const std::string& text) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

Status apply_environment(Settings& settings, std::set<std::string>& given) {
  for (const auto& field : setting_fields()) {
    std::string name = variable_of(field);
    auto value = variable(name);
    if (!value && field.name == "database") {
      name = "DATABASE_URL";
      value = variable(name);
    }
    if (!value) continue;
    const bool list = std::holds_alternative<std::vector<std::string> Settings::*>(field.member);
    const auto texts = list ? split_at_commas(*value) : std::vector<std::string>{*value};
    if (Status status = set_from_texts(field, texts, settings); !status) {
      return fail(ErrorCode::invalid_argument, fmt::format("{}: {}", name, status.error().message),
                  std::string(field.name));
    }
    given.emplace(field.name);
    settings.origins[std::string(field.name)] = name;
  }
  return {};
}

// The first of the directories that systemd made for this very process (not for a parent of it), or "".
std::string service_directory(const char* name) {
  const auto process = variable("SYSTEMD_EXEC_PID");
  if (!process || *process != std::to_string(getpid())) return {};
  const std::string directories = variable(name).value_or("");
  return directories.substr(0, directories.find(':'));
}

// Instances of a unit template have directories of their own.
void apply_service_directories(Settings& settings) {
  if (const std::string run = service_directory("RUNTIME_DIRECTORY"); !run.empty()) {
    settings.requests = {"ipc://" + run + "/requests"};
    settings.ingest = {"ipc://" + run + "/ingest"};
    settings.events = {"ipc://" + run + "/events"};
  }
  if (const std::string state = service_directory("STATE_DIRECTORY"); !state.empty()) settings.state_dir = state;
}

// `database` and `embedded` are alternatives: the one set with the higher precedence clears the other.
void forget_other_place(const std::set<std::string>& given, Settings& settings) {
  const bool database = given.contains("database");
  const bool embedded = given.contains("embedded");
  if (database && !embedded) {
    settings.embedded.clear();
    settings.origins.erase("embedded");
  }
  if (embedded && !database) {
    settings.database.clear();
    settings.origins.erase("database");
  }
}

}  // namespace

std::vector<std::string> doubtful_variables(const Settings& settings) {
  // Variables of clients, the archive unit and the tests.
  static const std::set<std::string, std::less<>> known{
      "VAULT_CONFIG",  "VAULT_ENDPOINT",   "VAULT_CONTEXT",     "VAULT_ARCHIVE_DIR",   "VAULT_ARCHIVE_OPTIONS",
      "VAULT_BIN_DIR", "VAULT_SOURCE_DIR", "VAULT_VECTORS_DIR", "VAULT_MIGRATIONS_DIR"};
  std::set<std::string, std::less<>> ours;
  for (const auto& field : setting_fields()) ours.insert(variable_of(field));
  std::vector<std::string> found;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const std::string name{text.substr(0, text.find('='))};
    const bool looks_ours = name.starts_with("VAULT_") || name.starts_with("VAULTD_");
    if (!looks_ours || known.contains(name) || ours.contains(name)) continue;
    if (name == "VAULT_EVENTS") {
      const auto told = split_at_commas(std::string(text.substr(name.size() + 1)));
      if (told == settings.events || told.front().empty()) continue;
      found.push_back("VAULT_EVENTS tells clients where to listen; vaultd's own endpoint is VAULTD_EVENTS or --events");
      continue;
    }
    std::string setting = name.substr(name.find('_') + 1);
    for (char& c : setting) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const auto* near = find_setting(nearest_setting(setting));
    found.push_back(fmt::format("{}: no such setting{}", may_hold_password(name) ? "VAULT_… (not shown)" : name,
                                near == nullptr ? "" : fmt::format("; did you mean {}?", variable_of(*near))));
  }
  return found;
}

Result<Settings> load_settings(int argc, char** argv, std::string& help) {
  CLI::App app{"vaultd: a tamper-evident, append-only audit ledger over ZeroMQ and PostgreSQL", "vaultd"};
  app.footer(
      "Every flag --a-b is also the key a_b of the TOML file and the variable VAULT_A_B (that of events is\n"
      "VAULTD_EVENTS); a flag wins over the variable, that over the file. Durations have a unit: 250ms, 30s, 5m; sizes "
      "may\n"
      "have one: 64KiB, 256MiB. --migrate=false turns off what file or variable turn on.");
  CommandLine line;
  declare_flags(app, line);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    help = app.help();
    return Settings{};
  } catch (const CLI::ParseError& error) {
    const std::string refusal = without_passwords(describe_refusal(app, error), argc, argv);
    return fail(ErrorCode::invalid_argument, fmt::format("command line: {} (see --help)", refusal));
  }

  Settings settings;
  apply_service_directories(settings);
  settings.check_config = line.check_config;
  settings.preflight = line.preflight;
  settings.version = line.version;
  if (settings.version) return settings;
  settings.config = line.config.empty() ? variable("VAULT_CONFIG").value_or("") : line.config;
  if (settings.config.find("://") != std::string::npos) {
    return fail(ErrorCode::invalid_argument,
                "config: must be the path of a TOML file, not " + quoted_unless_secret(settings.config), "config");
  }
  if (!settings.config.empty()) {
    if (auto keys = apply_settings_file(settings.config, settings); !keys) return tl::unexpected(keys.error());
  }
  std::set<std::string> in_environment;
  if (Status status = apply_environment(settings, in_environment); !status) return tl::unexpected(status.error());
  forget_other_place(in_environment, settings);
  std::set<std::string> on_line;
  if (Status status = apply_flags(line, settings, on_line); !status) return tl::unexpected(status.error());
  forget_other_place(on_line, settings);
  return settings;
}

}  // namespace vault
