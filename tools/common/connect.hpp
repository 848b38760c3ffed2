// Finding the daemon: what vaultctl and vault-mcp share about it.
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
  std::optional<std::chrono::milliseconds> connect_timeout{};  // as in ClientOptions
};

// A client for that address. Where the socket file is missing or nobody listens on it, says so within a second rather
// than after the whole timeout: `unavailable`.
Result<std::unique_ptr<Client>> connect_daemon(const DaemonAddress& address);

// Whether an endpoint is spelt as one. Error: invalid_argument, field "endpoint", with a guess at what was meant.
Status check_endpoint(const std::string& endpoint);

// Why nobody answers at an ipc endpoint: "No such file or directory". "" where somebody listens, or it cannot be told.
std::string why_nobody_answers(const std::string& endpoint);

// True where the connection itself is what is wrong, as opposed to the answer of a vaultd that was reached.
bool is_unreachable(const Error& error);

}  // namespace vault::ctl
