// vaultctl: the command line of a VAULT999 ledger. This file reads the global flags and runs the command.
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>

#include "ledger/passwords.hpp"
#include "os/inherited_state.hpp"
#include "tools/common/arguments.hpp"
#include "tools/common/colour.hpp"
#include "tools/common/pager.hpp"
#include "tools/common/terminal.hpp"
#include "tools/vaultctl/command.hpp"
#include "tools/vaultctl/complete.hpp"
#include "tools/vaultctl/contexts.hpp"
#include "tools/vaultctl/usage.hpp"
#include "version.hpp"

namespace vault::ctl {
namespace {

void add_globals(CLI::App& app, Globals& globals) {
  app.add_option("--endpoint", globals.endpoint, "vaultd's requests socket [ipc:///run/vaultd/requests]")
      ->envname("VAULT_ENDPOINT")
      ->type_name("EP");
  app.add_option("--events", globals.events, "vaultd's events socket, for watch")
      ->envname("VAULT_EVENTS")
      ->type_name("EP");
  app.add_flag("--json", globals.json, "One JSON document on stdout and nothing else (streams: one a line)");
  add_timeout(app, globals.timeout, "How long to wait for vaultd: 5s, 500ms, 2m [30s]");
  app.add_option("--context", globals.context, "The vaultd of this name (see context --help) [the current one]")
      ->envname("VAULT_CONTEXT")
      ->type_name("NAME");
  app.add_option_function<std::string>(
         "--color",
         [](const std::string& when) {
           set_colour_mode(when == "always"  ? ColourMode::always
                           : when == "never" ? ColourMode::never
                                             : ColourMode::automatic);
         },
         "Colours: auto (on a terminal, unless NO_COLOR is set), always or never [auto]")
      ->check(CLI::IsMember({"auto", "always", "never"}).description(""))
      ->type_name("auto|always|never");
  app.add_flag_callback("--local-time", show_local_times, "Show people times in local time (TZ) instead of UTC");
  app.add_flag("--no-pager", globals.no_pager, "Never hand long output to a pager (VAULT_PAGER, PAGER, less)");
  app.add_option("--key-dir", globals.key_dir, "Directory of CURVE keys, for tcp endpoints (see keygen --help)")
      ->type_name("DIR");
}

void add_commands(CLI::App& app, Context& context) {
  add_seal(app, context);
  add_read_commands(app, context);
  add_status(app, context);
  add_verify(app, context);
  add_proof_commands(app, context);
  add_check_commands(app, context);
  add_watch(app, context);
  add_export(app, context);
  add_canonicalize(app, context);
  add_keygen(app, context);
  add_migrate(app, context);
  add_archive_commands(app, context);
  add_legacy(app, context);
  add_context(app, context);
  add_top(app, context);
  add_help(app, context);
}

// Commands whose output may be paged; on a terminal only.
bool has_pages(const CLI::App& command) {
  const CLI::App* last = &command;
  while (!last->get_subcommands().empty()) last = last->get_subcommands().front();
  const std::string name = last->get_name();
  return name == "list" || name == "query" || name == "read" || name == "help";
}

// --json also applies to errors in the command line, which has then not been parsed.
bool asks_for_json(int argc, char** argv) {
  for (int i = 1; i < argc && std::strcmp(argv[i], "--") != 0; ++i) {
    if (std::strcmp(argv[i], "--json") == 0) return true;
  }
  return false;
}

int run(int argc, char** argv) {
  Context context;
  CLI::App app{"The command line of VAULT999, a tamper-evident append-only ledger.", "vaultctl"};
  app.set_version_flag("--version", std::string("vaultctl ") + version_text);
  app.require_subcommand(1);
  app.fallthrough();  // inherited: global flags may follow the subcommand
  app.get_formatter()->column_width(32);
  add_globals(app, context.globals);
  add_commands(app, context);
  app.footer(
      "Exit codes: 0 done; 1 the answer is no (invalid, not found, refused); 2 wrong usage or input;\n"
      "3 vaultd is unavailable, busy or too slow; 4 not permitted or not possible to check, or to write the result.\n"
      "For a misspelt command or option, the nearest one is suggested.\n"
      "See `vaultctl COMMAND --help` for details and examples.");
  if (argc > 1 && std::strcmp(argv[1], "complete") == 0) {  // for shells, not for people
    for (const std::string& line : complete(app, {argv + 2, argv + argc})) print_line(line);
    return finish_output(exit_done);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    context.globals.json = asks_for_json(argc, argv);
    const std::string refusal = describe_usage(app, {argv + 1, argv + argc}, error.what());
    const int code = report(context, {ErrorCode::invalid_argument, without_passwords(refusal, argc, argv), {}});
    if (!context.globals.json) std::fputs("  `vaultctl --help` and `vaultctl COMMAND --help` tell more\n", stderr);
    return code;
  }
  const CLI::App* command = app.get_subcommands().front();
  if (command->get_name() != "context" && command->get_name() != "help") {
    context.globals.address = apply_context(app, context.globals.context, context.globals);
  }
  const Pager pager(!context.globals.no_pager && !context.globals.json && has_pages(*command));
  return context.run();
}

}  // namespace
}  // namespace vault::ctl

int main(int argc, char** argv) {
  vault::reset_inherited_state();
  try {
    return vault::ctl::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "vaultctl: internal: %s\n", error.what());
    return vault::ctl::exit_environment;
  }
}
