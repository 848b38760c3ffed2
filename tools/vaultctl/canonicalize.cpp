// vaultctl canonicalize: prints the bytes that are hashed, for people who check a hash by hand.
#include <nlohmann/json.hpp>

#include "tools/common/files.hpp"
#include "tools/common/terminal.hpp"
#include "tools/vaultctl/command.hpp"

#include "ledger/canonical_json.hpp"

namespace vault::ctl {
namespace {

int run_canonicalize(const Context& context) {
  auto lines = LineReader::open("-");
  if (!lines) return report(context, lines.error());
  const JsonRules rules{
      .source = JsonSource::producer, .object_only = false, .bytes_max = limits::seal_bytes_max, .root = ""};
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  std::optional<Error> first_error;
  std::size_t number = 0;
  const auto complain = [&](Error error) {
    error.message = "line " + std::to_string(number) + ": " + error.message;
    if (!context.globals.json) report(context, error);
    if (!first_error) first_error = std::move(error);
  };
  while (const auto line = lines->next(-1)) {
    ++number;
    if (line->find_first_not_of(" \t\r") == std::string::npos) continue;
    auto canonical = canonicalize(*line, rules);
    if (!canonical) {
      complain(canonical.error());
    } else if (context.globals.json) {
      all.push_back(std::move(*canonical));
    } else {
      print_line(*canonical);
    }
  }
  if (lines->too_long()) {
    ++number;
    complain({ErrorCode::too_large, "longer than 64 MiB", {}});
  }
  if (context.globals.json && first_error) return report(context, *first_error);
  if (context.globals.json) print_line(nlohmann::ordered_json{{"canonical", std::move(all)}}.dump());
  return finish_output(first_error ? exit_usage : exit_done);
}

}  // namespace

void add_canonicalize(CLI::App& app, Context& context) {
  CLI::App* command =
      app.add_subcommand("canonicalize", "Print JSON documents, one a line on stdin, in canonical form");
  command->footer(
      "RFC 8785, with integers of 64 bits kept digit by digit. A line that is not acceptable JSON is named on stderr\n"
      "and left out; the exit code is then 2. With --json: {\"canonical\": [text, ...]}.\n"
      "Example, data_hash by hand:\n"
      "  (echo -n \"$data_salt\" | xxd -r -p; vaultctl canonicalize < payload.json | tr -d '\\n') | sha256sum");
  command->callback([&context] { context.run = [&context] { return run_canonicalize(context); }; });
}

}  // namespace vault::ctl
