// vault-bench: how fast vaultd is, measured against baselines in the same run (docs/performance.md).
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <optional>

#include "ledger/passwords.hpp"
#include "os/inherited_state.hpp"
#include "store/postgres/url.hpp"
#include "tools/bench/bench.hpp"
#include "tools/bench/history_file.hpp"
#include "version.hpp"
#include "wire/client/echo.hpp"

namespace {

namespace fs = std::filesystem;
using vault::Status;
using vault::bench::BenchOptions;
using vault::bench::HistoryFile;

struct Arguments {
  BenchOptions bench;
  bool json = false;
  std::string append;  // file
  bool keep = false;
  std::string echo;
};

void add_options(CLI::App& app, Arguments& arguments) {
  BenchOptions& options = arguments.bench;
  std::vector<std::string> names;
  for (const auto& target : vault::bench::targets()) names.push_back(target.name);
  options.figures = names;
  app.add_option("--figures", options.figures, "what to measure (default: all)")
      ->delimiter(',')
      ->check(CLI::IsMember(names));
  app.add_option("--entries", options.entries, "size of the large ledger")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--small-entries", options.small_entries, "size of the small ledger, for growth")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--seconds", options.seconds, "seconds a figure, for vaultd and for its baseline each")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--rounds", options.rounds, "turns of vaultd and baseline")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--producers", options.producers, "sockets that seal")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--in-flight", options.in_flight, "requests in flight on each, for flood")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--vaultd", options.vaultd, "the vaultd to start (default: the one beside this program)");
  app.add_option("--database", options.database,
                 "libpq URL of the ledger's database, which will be filled; default: an embedded PostgreSQL");
  app.add_option("--endpoint", options.endpoint,
                 "requests endpoint of a vaultd that runs already, on the database given with --database");
  app.add_option("--dir", options.directory, "directory for what is made (default: a new one below /var/tmp)");
  app.add_flag("--keep", arguments.keep, "leave that directory behind");
  app.add_flag("--json", arguments.json, "one JSON document on stdout");
  app.add_option("--append", arguments.append, "file to which the run is added, as a line of JSON, for bench-history");
  app.add_option("--echo", arguments.echo)->group("");  // used by echo_process.cpp
}

fs::path this_program() {
  std::error_code failed;
  return fs::read_symlink("/proc/self/exe", failed);
}

// Makes a directory that PostgreSQL's user can enter if the benchmark runs as root.
bool make_directory(std::string& directory) {
  if (directory.empty()) {
    std::string pattern = "/var/tmp/vault-bench.XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr) return false;
    directory = pattern;
  } else {
    std::error_code failed;
    fs::create_directories(directory, failed);
    if (failed) return false;
    directory = fs::absolute(directory).string();
  }
  return chmod(directory.c_str(), 0755) == 0;
}

int measure(const Arguments& arguments) {
  std::optional<HistoryFile> history;
  if (!arguments.append.empty()) {
    auto file = HistoryFile::open(arguments.append);  // before the part that takes minutes
    if (!file) {
      std::cerr << "vault-bench: --append: " << file.error().message << "\n";
      return 2;
    }
    history = *std::move(file);
  }
  auto bench = vault::bench::Bench::open(arguments.bench);
  if (!bench) {
    std::cerr << "vault-bench: " << bench.error().message << "\n";
    return 1;
  }
  const auto figures = (*bench)->run();
  const auto document = to_json(figures, (*bench)->machine(), (*bench)->settings());
  if (arguments.json) {
    std::cout << document.dump(2) << "\n";
  } else {
    print_table(figures, (*bench)->machine());
  }
  if (const Status added = history ? history->append(document) : Status{}; !added) {
    std::cerr << "vault-bench: --append: " << added.error().message << "\n";
    return 1;
  }
  return std::any_of(figures.begin(), figures.end(), [](const auto& figure) { return figure.failed; }) ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  vault::reset_inherited_state();
  CLI::App app("Measures vaultd against its baselines: the same rows put into and taken out of PostgreSQL without it.");
  Arguments arguments;
  add_options(app, arguments);
  app.set_version_flag("--version", std::string("vault-bench ") + vault::version_text);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    std::cerr << "vault-bench: " << vault::without_passwords(error.what(), argc, argv) << " (see --help)\n";
    return 2;
  }
  if (!arguments.echo.empty()) {
    std::cerr << "vault-bench: " << vault::echo_for_ever(arguments.echo).error().message << "\n";
    return 1;
  }
  BenchOptions& options = arguments.bench;
  if (!options.endpoint.empty() && options.database.empty()) {
    std::cerr << "vault-bench: --endpoint needs --database, for the baselines\n";
    return 2;
  }
  if (!options.database.empty()) {
    if (const auto checked = vault::check_connection_string(options.database); !checked) {
      std::cerr << "vault-bench: --database: " << checked.error().message << "\n";
      return 2;
    }
  }
  options.program = this_program().string();
  if (options.vaultd.empty()) options.vaultd = this_program().replace_filename("vaultd").string();
  // It is started in another directory. A bare name is looked for in PATH.
  if (options.vaultd.find('/') != std::string::npos) options.vaultd = fs::absolute(options.vaultd).string();
  const bool made_here = options.directory.empty();
  if (!make_directory(options.directory)) {
    std::cerr << "vault-bench: cannot make a directory for the run\n";
    return 1;
  }
  std::signal(SIGPIPE, SIG_IGN);
  const int code = measure(arguments);
  std::error_code ignored;
  if (made_here && !arguments.keep) fs::remove_all(options.directory, ignored);
  return code;
}
