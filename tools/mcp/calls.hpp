// Performs a tools/call.
#pragma once

#include <functional>
#include <string>

#include "ledger/result.hpp"
#include "tools/mcp/dispatch.hpp"
#include "wire/client/client.hpp"

namespace vault::mcp {

// Answers operations: vaultd (daemon_calls.hpp), or a test.
class VaultCalls {
 public:
  virtual ~VaultCalls() = default;
  // Returns the `result` map as MessagePack. Blocks; errors are those of the protocol.
  virtual Result<std::string> call(const Operation& operation, const Client::Progress& progress) = 0;
};

// Callbacks for a call while it runs.
struct CallListener {
  std::function<void(std::string line)> notify;  // a line for the client
  std::function<void()> alive;                   // vaultd is at work on it
};

// Performs the call and returns the reply's line. If the call has a progress token, notifications go to the listener
// meanwhile: none in the first second, then strictly increasing, none after the return. Never throws.
std::string run_call(const ToolCall& call, VaultCalls& vault, const CallListener& listener);

}  // namespace vault::mcp
