// Operations answered by a vaultd. It need not be running: until it is, each call reports that, and from then on works.
#pragma once

#include <memory>

#include "tools/common/connect.hpp"
#include "tools/mcp/calls.hpp"

namespace vault::mcp {

// Belongs to one thread.
class DaemonCalls : public VaultCalls {
 public:
  explicit DaemonCalls(ctl::DaemonAddress address);

  // Errors: those of the protocol; `unavailable` within about two seconds if nobody answers.
  Result<std::string> call(const Operation& operation, const Client::Progress& progress) override;

 private:
  ctl::DaemonAddress address_;
  std::unique_ptr<Client> client_;  // none before the first call, and after one without an answer
};

}  // namespace vault::mcp
