// A vaultd for the tests of vault-mcp: answers from memory.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "tools/mcp/calls.hpp"
#include "tools/mcp/dispatch.hpp"
#include "wire/codec.hpp"

namespace vault::mcp {

inline constexpr const char* initialize_line =
    R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{}}})";

// The `result` map that vaultd would send.
inline std::string result_map(const ReplyBody& body) {
  return decode_reply(encode_reply(RequestId{std::string(1, '\x01')}, body))->result;
}

class FakeVault : public VaultCalls {
 public:
  using Answer = std::function<Result<std::string>(const Operation&, const Client::Progress&)>;
  explicit FakeVault(Answer answer) : answer_(std::move(answer)) {}
  explicit FakeVault(const ReplyBody& body)
      : answer_([map = result_map(body)](const Operation&, const Client::Progress&) { return map; }) {}
  explicit FakeVault(Error error)
      : answer_([error](const Operation&, const Client::Progress&) -> Result<std::string> {
          return tl::unexpected(error);
        }) {}

  Result<std::string> call(const Operation& operation, const Client::Progress& progress) override {
    return answer_(operation, progress);
  }

 private:
  Answer answer_;
};

inline const CallListener deaf{.notify = [](const std::string&) {}, .alive = [] {}};

}  // namespace vault::mcp
