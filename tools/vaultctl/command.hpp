// What every command of vaultctl shares: the global flags, the exit codes, and how a command is registered and answers.
//
// A command is an `add_*` function: it adds a subcommand with its flags, and a callback that leaves in context.run what
// is to be done once the whole command line has been read (global flags may follow the subcommand).
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

// docs/operating.md, "Exit codes".
enum ExitCode : int {
  exit_done = 0,
  exit_no = 1,           // the answer is no: invalid, tampered, not found, conflict, forbidden
  exit_usage = 2,        // wrong usage or input
  exit_unavailable = 3,  // unavailable, busy, deadline: try again
  exit_environment = 4,  // no right or no way to look, or to keep what was found: never taken for an answer
};
ExitCode exit_code(ErrorCode code);
// Also tells apart what a database or the connection to vaultd forbids.
ExitCode exit_code(const Error& error);

struct Globals {
  std::string endpoint = "ipc:///run/vaultd/requests";
  std::string events;
  bool json = false;
  std::chrono::milliseconds timeout{30'000};
  std::string key_dir;  // "": no CURVE
  std::string context;  // "": the current one
  bool no_pager = false;
};

struct Context {
  Globals globals;
  std::function<int()> run;  // set by the callback of the chosen subcommand; returns the exit code
};

// --- Answers ---------------------------------------------------------------------------------------------------------

// Tells the user of a refusal and returns the exit code for it. With --json the error map on stdout, else words on
// stderr with a hint where one helps.
int report(const Context& context, const Error& error);
// The error map as JSON text: {code, message, field?, retryable}.
std::string error_json(const Error& error);
// The answer to an offline check is no: {"valid":false,"reason":...} with --json, else words on stderr. Returns
// exit_no.
int report_invalid(const Context& context, const std::string& reason);
// One line on stdout. Error `internal` if stdout cannot take it (disk full) at flush_output().
void print_line(std::string_view line);
// Flushes stdout; turns success into exit_no with a message where writing failed.
int finish_output(int code);

// --- The daemon ------------------------------------------------------------------------------------------------------

// A client for the endpoint of the global flags. Where the socket file is missing or nobody listens on it, says so
// within a second rather than after the whole timeout: `unavailable`.
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
