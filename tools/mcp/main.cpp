// vault-mcp: a VAULT999 ledger as an MCP server on stdin and stdout. This file reads the flags.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "ledger/nearest.hpp"
#include "ledger/passwords.hpp"
#include "os/inherited_state.hpp"
#include "tools/common/arguments.hpp"
#include "tools/common/key_dir.hpp"
#include "tools/mcp/server.hpp"
#include "version.hpp"

namespace vault::mcp {
namespace {

constexpr int exit_usage = 2;

void add_options(CLI::App& app, ctl::DaemonAddress& daemon) {
  app.add_option("--endpoint", daemon.endpoint, "vaultd's requests socket [ipc:///run/vaultd/requests]")
      ->envname("VAULT_ENDPOINT")
      ->type_name("EP");
  app.add_option("--key-dir", daemon.key_dir, "Directory of CURVE keys, for tcp endpoints (vaultctl keygen --curve)")
      ->type_name("DIR");
  ctl::add_timeout(app, daemon.timeout, "How long a call waits for vaultd: 5s, 500ms, 2m [30s]");
}

std::string describe_refusal(const CLI::App& app, const CLI::ParseError& error) {
  const std::string unknown = describe_unknown_option(app);
  return unknown.empty() ? error.what() : unknown;
}

// Checks the flags by themselves; whether vaultd is running does not matter.
Status check(const ctl::DaemonAddress& daemon) {
  ClientOptions options{.endpoint = daemon.endpoint, .timeout = daemon.timeout, .curve = {}};
  if (!daemon.key_dir.empty()) {
    auto keys = ctl::read_key_dir(daemon.key_dir);
    if (!keys) return tl::unexpected(std::move(keys.error()));
    options.curve = *keys;
  }
  const auto client = Client::connect(options);
  if (!client) return tl::unexpected(client.error());
  return {};
}

int run(int argc, char** argv) {
  ctl::DaemonAddress daemon;
  CLI::App app{"A VAULT999 ledger for MCP hosts: six tools over stdin and stdout, for a running vaultd.", "vault-mcp"};
  app.set_version_flag("--version", std::string("vault-mcp ") + version_text);
  app.get_formatter()->column_width(32);
  add_options(app, daemon);
  app.footer(
      "An MCP host starts this program; docs/mcp.md shows what to put into the host's configuration.\n"
      "It starts without vaultd, too: calls are answered `unavailable` until vaultd is there.\n"
      "Exit codes: 0 stdin ended or SIGTERM came; 2 wrong usage; 1 anything else.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    std::fprintf(stderr, "vault-mcp: %s\n  see `vault-mcp --help`\n",
                 without_passwords(describe_refusal(app, error), argc, argv).c_str());
    return exit_usage;
  }
  if (const Status status = check(daemon); !status) {
    std::fprintf(stderr, "vault-mcp: %s\n", status.error().message.c_str());
    return exit_usage;
  }
  std::fprintf(stderr, "vault-mcp %s: MCP on stdin and stdout, for vaultd at %s\n", version_text,
               daemon.endpoint.c_str());
  if (::isatty(STDIN_FILENO) == 1) {
    std::fputs("  This is meant for an MCP host; here it waits for JSON-RPC, a message a line. Ctrl-D ends it.\n",
               stderr);
  }
  return serve(daemon);
}

}  // namespace
}  // namespace vault::mcp

int main(int argc, char** argv) {
  vault::reset_inherited_state();
  vault::mcp::handle_signals();
  try {
    return vault::mcp::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "vault-mcp: internal: %s\n", error.what());
    return 1;
  }
}
