#include "tools/common/connect.hpp"

#include <fmt/format.h>
#include <sys/un.h>

#include <algorithm>
#include <charconv>
#include <thread>

#include "tools/common/key_dir.hpp"
#include "wire/endpoint_attempt.hpp"
#include "wire/endpoint_family.hpp"

namespace vault::ctl {
namespace {

constexpr std::chrono::milliseconds patience_for_socket{1'000};

// The path of an ipc endpoint; "" for tcp, and for an abstract or relative name: ZeroMQ knows better.
std::string socket_path(const std::string& endpoint) {
  if (!endpoint.starts_with(ipc_scheme)) return "";
  std::string path = endpoint.substr(ipc_scheme.size());
  return path.starts_with('/') ? path : "";
}

Status check_port(const std::string& text) {
  constexpr int port_max = 65'535;
  int port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error == std::errc() && end == text.data() + text.size() && port >= 1 && port <= port_max) return {};
  return fail(ErrorCode::invalid_argument,
              "a tcp endpoint ends with a port, as in tcp://db1:9990; \"" + text + "\" is not a port", "endpoint");
}

Status check_spelling(const std::string& endpoint) {
  const auto wrong = [&](const std::string& hint) {
    return fail(ErrorCode::invalid_argument,
                "an endpoint begins with ipc:// or tcp://, as in ipc:///run/vaultd/requests and tcp://db1:9990; \"" +
                    endpoint + "\" does not" + hint,
                "endpoint");
  };
  if (endpoint == ipc_scheme) {
    return fail(ErrorCode::invalid_argument,
                "an ipc endpoint names a socket, as in ipc:///run/vaultd/requests; \"ipc://\" does not", "endpoint");
  }
  if (endpoint.rfind(ipc_scheme, 0) == 0) return {};
  if (endpoint.rfind(tcp_scheme, 0) == 0) {
    const std::string host = endpoint.substr(tcp_scheme.size());
    const auto colon = host.rfind(':');
    if (colon == std::string::npos || colon == 0 || colon + 1 == host.size()) {
      return fail(ErrorCode::invalid_argument,
                  "a tcp endpoint ends with a port, as in tcp://db1:9990; \"" + endpoint + "\" does not", "endpoint");
    }
    return check_port(host.substr(colon + 1));
  }
  if (endpoint.find("://") != std::string::npos) return wrong("");
  for (const std::string_view scheme : {ipc_scheme, tcp_scheme}) {
    const std::string_view name = scheme.substr(0, scheme.find('/'));  // "ipc:"
    if (!endpoint.starts_with(name)) continue;
    const std::size_t rest = endpoint.find_first_not_of('/', name.size());
    if (rest == std::string::npos) return wrong("");
    const std::string_view slash = scheme == ipc_scheme ? "/" : "";  // sockets have absolute paths
    return wrong(fmt::format("; did you mean {}{}{}?", scheme, slash, endpoint.substr(rest)));
  }
  if (!endpoint.empty() && endpoint.front() == '/') return wrong("; did you mean ipc://" + endpoint + "?");
  if (endpoint.find(':') != std::string::npos) return wrong("; did you mean tcp://" + endpoint + "?");
  return wrong("");
}

Status check_ipc_endpoint(const DaemonAddress& address) {
  const std::string path = socket_path(address.endpoint);
  if (path.empty()) return {};
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    return fail(ErrorCode::invalid_argument, "the path of " + address.endpoint + " is longer than 107 bytes",
                "endpoint");
  }
  const auto patience = std::min(address.timeout, patience_for_socket);
  const auto until = std::chrono::steady_clock::now() + patience;
  while (true) {
    const auto failure = try_endpoint(address.endpoint, patience);
    if (!failure) return {};
    if (failure->no_right) {
      return fail(ErrorCode::forbidden,
                  "no permission to talk to " + address.endpoint +
                      ": only members of the socket's group may. It is that of vaultd's user, or "
                      "its socket_group; `adduser YOU vaultd`, and log in again",
                  "endpoint");
    }
    if (std::chrono::steady_clock::now() >= until) {
      return fail(ErrorCode::unavailable,
                  "vaultd does not answer at " + address.endpoint + " (" + failure->reason + ")", "endpoint");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

}  // namespace

Result<std::unique_ptr<Client>> connect_daemon(const DaemonAddress& address) {
  ClientOptions options{.endpoint = address.endpoint,
                        .timeout = address.timeout,
                        .curve = {},
                        .connect_timeout = address.connect_timeout,
                        .connect_turn = address.connect_turn,
                        .refused_timeout = std::min(address.timeout, patience_for_socket),
                        // The commands check for themselves, and show what does not fit.
                        .check_hashes = false};
  if (const Status status = check_spelling(address.endpoint); !status) return tl::unexpected(status.error());
  if (!address.key_dir.empty()) {
    auto keys = read_key_dir(address.key_dir);
    if (!keys) return tl::unexpected(keys.error());
    options.curve = *keys;
  }
  if (const Status status = check_ipc_endpoint(address); !status) return tl::unexpected(status.error());
  return Client::connect(options);
}

Status check_endpoint(const std::string& endpoint) {
  return check_spelling(endpoint);
}

std::string why_nobody_answers(const std::string& endpoint) {
  if (socket_path(endpoint).empty()) return "";
  const auto failure = try_endpoint(endpoint, patience_for_socket);
  return failure ? failure->reason : "";
}

bool is_unreachable(const Error& error) {
  return error.field == "endpoint" || error.field == "key_dir";
}

}  // namespace vault::ctl
