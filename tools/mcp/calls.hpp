// Carrying out a tools/call.
#pragma once

#include <functional>
#include <string>

#include "ledger/result.hpp"
#include "tools/mcp/dispatch.hpp"
#include "wire/client.hpp"

namespace vault::mcp {

// Whoever answers operations: vaultd (daemon_calls.hpp), or a test.
class VaultCalls {
 public:
  virtual ~VaultCalls() = default;
  // The `result` map as MessagePack. Blocks; errors are those of the protocol.
  virtual Result<std::string> call(const Operation& operation, const Client::Progress& progress) = 0;
};

// Asks, and returns the reply's line. Where the call has a progress token, notifications go to `notify` meanwhile: none
// in the first second, then strictly increasing, none after the return. Never throws.
std::string run_call(const ToolCall& call, VaultCalls& vault, const std::function<void(std::string line)>& notify);

}  // namespace vault::mcp
