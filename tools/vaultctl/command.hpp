// Shared by all commands of vaultctl: the global flags, the exit codes, and how a command is registered and answers.
//
// A command is an `add_*` function: it adds a subcommand with its flags, and a callback that stores in context.run what
// to do once the whole command line has been read (global flags may follow the subcommand).
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "ledger/result.hpp"
#include "wire/client/client.hpp"

namespace vault::ctl {

// See docs/operating.md, "Exit codes".
enum ExitCode : int {
  exit_done = 0,
  exit_no = 1,           // the answer is no: invalid, tampered, not found, conflict, forbidden
  exit_usage = 2,        // wrong usage or input
  exit_unavailable = 3,  // unavailable, busy, deadline: try again
  exit_environment =
      4,  // the check, or keeping its result, was not permitted or not possible: never taken for an answer
};
ExitCode exit_code(ErrorCode code);
// Also distinguishes refusals by a database, by the connection to vaultd, or by a file's permissions.
ExitCode exit_code(const Error& error);

struct Globals {
  std::string endpoint = "ipc:///run/vaultd/requests";
  std::string events;
  bool json = false;
  std::chrono::milliseconds timeout{30'000};
  std::string key_dir;  // "": no CURVE
  std::string context;  // "": the current one
  // Why the file of contexts gave no address. Only commands that talk to vaultd fail for it: the others, such as check
  // and keygen, have no use for an address.
  Status address;
  bool no_pager = false;
};

struct Context {
  Globals globals;
  std::function<int()> run;  // set by the callback of the chosen subcommand; returns the exit code
};

// --- Answers ---------------------------------------------------------------------------------------------------------

enum class Asked { vaultd, database };  // whom a command asks; its hints are about that one

// Reports an error to the user and returns its exit code. With --json the error map on stdout, otherwise words on
// stderr, with a hint if one helps.
int report(const Context& context, const Error& error, Asked asked = Asked::vaultd);
// The error map as JSON text: {code, message, field?, retryable}.
std::string error_json(const Error& error);
// Reports that an offline check failed: {"valid":false,"reason":...} with --json, otherwise words on stderr. Returns
// exit_no.
int report_invalid(const Context& context, const std::string& reason);
// One line on stdout. If stdout cannot take it (disk full), flush_output() returns the error `internal`.
void print_line(std::string_view line);
// Flushes stdout; turns success into exit_no with a message if writing failed.
int finish_output(int code);

// --- The daemon ------------------------------------------------------------------------------------------------------

// Whether the global flags and the file of contexts fit a connection to `endpoint`, which is that of requests or of
// events. Error: that of globals.address, or invalid_argument for keys where none are used.
Status check_address(const Globals& globals, const std::string& endpoint);

// A client for the endpoint in the global flags. Error: that of check_address(). If the socket file is missing or
// nobody listens on it, fails within a second rather than after the whole timeout: `unavailable`.
Result<std::unique_ptr<Client>> connect_daemon(const Globals& globals);

// --- Commands --------------------------------------------------------------------------------------------------------

void add_seal(CLI::App& app, Context& context);
void add_read_commands(CLI::App& app, Context& context);  // read, list, query, head
void add_status(CLI::App& app, Context& context);
void add_verify(CLI::App& app, Context& context);
void add_proof_commands(CLI::App& app, Context& context);  // proof, consistency, checkpoint
void add_check_commands(CLI::App& app, Context& context);  // check-proof, check-receipt
void add_watch(CLI::App& app, Context& context);
void add_export(CLI::App& app, Context& context);
void add_canonicalize(CLI::App& app, Context& context);
void add_keygen(CLI::App& app, Context& context);
void add_migrate(CLI::App& app, Context& context);
void add_archive_commands(CLI::App& app, Context& context);  // archive, check-archive, restore
void add_top(CLI::App& app, Context& context);
void add_legacy(CLI::App& app, Context& context);  // legacy stats, list, read, import

}  // namespace vault::ctl
