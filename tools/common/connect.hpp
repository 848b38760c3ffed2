// Connecting to vaultd: shared by vaultctl and vault-mcp.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "ledger/result.hpp"
#include "wire/client/client.hpp"

namespace vault::ctl {

struct DaemonAddress {
  std::string endpoint = "ipc:///run/vaultd/requests";
  std::string key_dir{};  // "": no CURVE
  std::chrono::milliseconds timeout{30'000};
  std::optional<std::chrono::milliseconds> connect_timeout{}, connect_turn{};  // see ClientOptions
};

// A client for that address. If the socket file is missing or nobody listens on it, fails within a second rather than
// after the whole timeout: `unavailable`.
Result<std::unique_ptr<Client>> connect_daemon(const DaemonAddress& address);

// Checks that an endpoint has the form of one. Error: invalid_argument, field "endpoint", with a guess at what was
// meant.
Status check_endpoint(const std::string& endpoint);

// Why nobody answers at an ipc endpoint: "No such file or directory". "" if somebody listens, or the reason is unknown.
std::string why_nobody_answers(const std::string& endpoint);

// True if the connection itself failed, as opposed to an error in vaultd's answer.
bool is_unreachable(const Error& error);

}  // namespace vault::ctl
