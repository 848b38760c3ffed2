#include "tools/vaultctl/command.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>
#include <thread>

#include "tools/vaultctl/key_dir.hpp"
#include "tools/vaultctl/terminal.hpp"
#include "wire/error.hpp"

namespace vault::ctl {
namespace {

constexpr std::string_view ipc_scheme = "ipc://";
constexpr std::chrono::milliseconds patience_for_socket{1'000};

// 0 if somebody listens on the unix socket, else the errno of the attempt.
int try_unix_socket(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return ENAMETOOLONG;
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return errno;
  const int outcome = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 ? 0 : errno;
  ::close(fd);
  return outcome == EAGAIN ? 0 : outcome;  // EAGAIN: a listener whose backlog is full at the moment
}

Status check_ipc_endpoint(const Globals& globals) {
  if (globals.endpoint.rfind(ipc_scheme, 0) != 0) return {};
  const std::string path = globals.endpoint.substr(ipc_scheme.size());
  if (path.empty() || path.front() != '/') return {};  // an abstract or relative name: ZeroMQ knows better
  const auto until = std::chrono::steady_clock::now() + std::min(globals.timeout, patience_for_socket);
  while (true) {
    const int failure = try_unix_socket(path);
    if (failure == 0) return {};
    if (failure == EACCES || failure == EPERM) {
      return fail(ErrorCode::forbidden, "no permission to talk to " + globals.endpoint +
                                            ": only members of the socket's group may. It is that of vaultd's user, or "
                                            "its socket_group; `adduser YOU vaultd`, and log in again");
    }
    if (failure == ENAMETOOLONG) {
      return fail(ErrorCode::invalid_argument, "the path of " + globals.endpoint + " is longer than 107 bytes",
                  "endpoint");
    }
    if (std::chrono::steady_clock::now() >= until) {
      return fail(ErrorCode::unavailable,
                  "vaultd does not answer at " + globals.endpoint + " (" + std::strerror(failure) + ")");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

}  // namespace

ExitCode exit_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_argument:
    case ErrorCode::too_large:
      return exit_usage;
    case ErrorCode::busy:
    case ErrorCode::unavailable:
    case ErrorCode::deadline_exceeded:
      return exit_unavailable;
    default:
      return exit_no;
  }
}

std::string error_json(const Error& error) {
  nlohmann::ordered_json map{{"code", error_name(error.code)}, {"message", error.message}};
  if (!error.field.empty()) map["field"] = error.field;
  map["retryable"] = is_retryable(error.code);
  return map.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

int report(const Context& context, const Error& error) {
  if (context.globals.json) {
    print_line(error_json(error));
    return finish_output(exit_code(error.code));
  }
  std::string text = error.message;
  if (!error.field.empty()) text += " [" + error.field + "]";
  print_problem(std::string(error_name(error.code)) + ": " + text);
  const bool unreachable = error.message.find("does not answer") != std::string::npos ||
                           error.message.find("no connection to") != std::string::npos;
  if (error.code == ErrorCode::unavailable && !unreachable) {
    print_hint("`vaultctl status` tells how vaultd is doing");
  } else if (error.code == ErrorCode::unavailable) {
    print_hint("is vaultd running? `systemctl status vaultd`; another address goes in --endpoint or VAULT_ENDPOINT");
  } else if (error.code == ErrorCode::busy || error.code == ErrorCode::deadline_exceeded) {
    print_hint("try again later, or with a longer --timeout");
  }
  return exit_code(error.code);
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
  print_problem(std::string("could not write the output: ") + std::strerror(errno));
  return code == exit_done ? exit_no : code;
}

Result<std::unique_ptr<Client>> connect_daemon(const Globals& globals) {
  ClientOptions options{.endpoint = globals.endpoint, .timeout = globals.timeout, .curve = {}};
  if (!globals.key_dir.empty()) {
    auto keys = read_key_dir(globals.key_dir);
    if (!keys) return tl::unexpected<Error>(keys.error());
    options.curve = *keys;
  }
  if (const Status status = check_ipc_endpoint(globals); !status) return tl::unexpected<Error>(status.error());
  return Client::connect(options);
}

}  // namespace vault::ctl
