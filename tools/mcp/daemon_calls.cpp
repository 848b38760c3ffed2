#include "tools/mcp/daemon_calls.hpp"

#include <utility>

namespace vault::mcp {
namespace {

// vaultd accepts a connection within milliseconds, even with CURVE and over a network.
constexpr std::chrono::milliseconds patience_for_connection{2'000};

}  // namespace

DaemonCalls::DaemonCalls(ctl::DaemonAddress address) : address_(std::move(address)) {
  address_.connect_timeout = patience_for_connection;
}

Result<std::string> DaemonCalls::call(const Operation& operation, const Client::Progress& progress) {
  if (!client_) {
    auto client = ctl::connect_daemon(address_);
    if (!client) return tl::unexpected(std::move(client.error()));
    client_ = std::move(*client);
  }
  auto result = client_->call(operation, progress);
  // Use a new client next time: a refused peer (an unknown CURVE key) does not reconnect by itself, and keys on disk
  // may have changed.
  const bool lost = !result && (ctl::is_unreachable(result.error()) || result.error().code == ErrorCode::unavailable ||
                                result.error().code == ErrorCode::deadline_exceeded);
  if (lost) client_.reset();
  return result;
}

}  // namespace vault::mcp
