#include "tools/vaultctl/command.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>

#include "tools/common/connect.hpp"
#include "tools/common/files.hpp"
#include "tools/common/pager.hpp"
#include "tools/common/terminal.hpp"
#include "wire/endpoint_family.hpp"
#include "wire/error.hpp"

namespace vault::ctl {

ExitCode exit_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_argument:
    case ErrorCode::too_large:
      return exit_usage;
    case ErrorCode::busy:
    case ErrorCode::unavailable:
    case ErrorCode::deadline_exceeded:
      return exit_unavailable;
    case ErrorCode::internal:
      return exit_environment;
    default:
      return exit_no;
  }
}

ExitCode exit_code(const Error& error) {
  const ExitCode code = exit_code(error.code);
  const bool kept_out = !error.sqlstate.empty() || is_unreachable(error) || is_inaccessible(error);
  return kept_out && code == exit_no ? exit_environment : code;
}

std::string error_json(const Error& error) {
  nlohmann::ordered_json map{{"code", error_name(error.code)}, {"message", error.message}};
  if (!error.field.empty()) map["field"] = error.field;
  map["retryable"] = is_retryable(error.code);
  return map.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

int report(const Context& context, const Error& error, Asked asked) {
  if (context.globals.json) {
    print_line(error_json(error));
    return finish_output(exit_code(error));
  }
  std::string text = error.message;
  if (!error.field.empty()) text += " [" + error.field + "]";
  print_problem(std::string(error_name(error.code)) + ": " + text);
  constexpr std::string_view insufficient_privilege = "42501";
  if (error.sqlstate == insufficient_privilege) {
    print_hint(
        "the database role lacks a right: vault_reader may look, vault_writer may write too, and the owner migrates");
  } else if (asked == Asked::database) {
    if (error.code == ErrorCode::unavailable) {
      print_hint("vaultd was not asked: look at the URL of the database, and at --schema; `psql URL` connects as well");
    }
  } else if (error.code == ErrorCode::unavailable && error.sqlstate.empty() && !is_unreachable(error)) {
    print_hint("`vaultctl status` shows the state of vaultd");
  } else if (error.code == ErrorCode::unavailable && error.field != "key_dir") {
    print_hint("is vaultd running? `systemctl status vaultd`; another address goes in --endpoint or VAULT_ENDPOINT");
  } else if (error.code == ErrorCode::busy || error.code == ErrorCode::deadline_exceeded) {
    print_hint("try again later, or with a longer --timeout");
  }
  return exit_code(error);
}

int report_invalid(const Context& context, const std::string& reason) {
  if (context.globals.json) {
    print_line(nlohmann::ordered_json{{"valid", false}, {"reason", reason}}.dump(
        -1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
    return finish_output(exit_no);
  }
  print_problem("INVALID: " + reason);
  return exit_no;
}

void print_line(std::string_view line) {
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fputc('\n', stdout);
}

int finish_output(int code) {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
  if (is_paged()) return code;  // the user has seen enough
  print_problem(std::string("could not write the output: ") + std::strerror(errno));
  return code == exit_done ? exit_no : code;
}

Status check_address(const Globals& globals, const std::string& endpoint) {
  if (!globals.address) return globals.address;
  // vaultd would end every handshake, which looks like an outage: wrong usage must not read as "try again".
  if (!globals.key_dir.empty() && endpoint.starts_with(ipc_scheme)) {
    return fail(ErrorCode::invalid_argument,
                endpoint + " uses no CURVE: keys are for tcp endpoints, leave them out here", "key_dir");
  }
  return {};
}

Result<std::unique_ptr<Client>> connect_daemon(const Globals& globals) {
  if (const Status good = check_address(globals, globals.endpoint); !good) return tl::unexpected(good.error());
  return connect_daemon(
      DaemonAddress{.endpoint = globals.endpoint, .key_dir = globals.key_dir, .timeout = globals.timeout});
}

}  // namespace vault::ctl
