// Decides how to handle a line: pure, and the whole of the protocol. Two eras are served side by side, distinguished by
// each request itself: `params._meta["io.modelcontextprotocol/protocolVersion"]` makes it a modern one (2026-07-28,
// which has no connection state); everything else belongs to the handshake era (up to 2025-11-25, opened by
// `initialize`).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tools/mcp/json_rpc.hpp"
#include "tools/mcp/tools.hpp"
#include "wire/message.hpp"

namespace vault::mcp {

// A valid tools/call: everything needed to perform and answer it (calls.hpp).
struct ToolCall {
  std::string id;  // JSON text
  bool modern = false;
  Tool tool = Tool::read;
  Operation operation;
  std::string progress_token;  // JSON text; "": no progress is wanted
};

// Either a reply, or a call to perform, or neither (a notification, a blank line).
struct Outcome {
  std::string reply;  // a line without its end; "": none
  std::optional<ToolCall> call;
};

class Dispatcher {
 public:
  // `line` without its end; a trailing carriage return is white space. Never throws; anything but a message is answered
  // with the appropriate JSON-RPC error.
  Outcome dispatch(std::string_view line);

 private:
  struct Request {
    std::string_view id;
    std::string method;
    std::optional<Members> params, meta;
    bool modern = false;
  };
  Outcome dispatch_message(const RawJson& json);
  Outcome dispatch_request(Request request);
  Outcome dispatch_modern(const Request& request);
  Outcome dispatch_handshake(const Request& request);
  Outcome initialize(const Request& request);

  bool initialized_ = false;  // handshake era: an initialize was answered
};

// The reply to a line longer than lines.hpp allows.
std::string too_long_line(std::size_t bytes_max);

}  // namespace vault::mcp
