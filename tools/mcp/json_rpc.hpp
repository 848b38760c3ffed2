// JSON-RPC 2.0 as MCP frames it: one object per line. A line is parsed without interpreting it (ledger/raw_json.hpp),
// so that an id is returned exactly as it came, a payload reaches the ledger's own parser as it was written, and
// duplicate names are noticed rather than resolved.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ledger/raw_json.hpp"

namespace vault::mcp {

enum RpcCode : int {
  parse_error = -32700,
  invalid_request = -32600,
  method_not_found = -32601,
  invalid_params = -32602,
  internal_error = -32603,
  unsupported_protocol_version = -32022,
};

// A longer id or progress token is refused, since it would have to be sent back.
inline constexpr std::size_t token_bytes_max = 1024;

// The members of one object of a line, by name. Views into `json`, which must outlive it. Cost: one sort of the names.
class Members {
 public:
  using Node = RawJson::Node;

  Members(const RawJson& json, const Node& object);

  // nullptr: there is none.
  const Node* find(std::string_view name) const;
  // The member as an object; nullopt if it is missing or something else.
  std::optional<Members> object(std::string_view name) const;
  // The member as a string's characters; nullopt if it is missing or something else.
  std::optional<std::string> string(std::string_view name) const;
  // A duplicate name as written in the line, with its quotation marks; "" if there is none.
  std::string_view twice() const { return twice_; }
  // The first name that is not in `known`, as written in the line; "" if there is none.
  std::string_view other_than(const std::vector<std::string_view>& known) const;

  const RawJson& json() const { return *json_; }

 private:
  std::string_view written_name(const Node& member) const;

  const RawJson* json_;
  std::vector<std::pair<std::string, const Node*>> members_;  // sorted
  std::string_view twice_;
};

// The value as written, if it may be an id or a progress token: a string, or an integer of any size, and not too long.
std::optional<std::string_view> read_token(const RawJson& json, const RawJson::Node& node);

// Replies and notifications, without the newline. `id` and `result` are JSON text; "" leaves the id out.
std::string result_line(std::string_view id, std::string_view result);
std::string error_line(std::string_view id, RpcCode code, std::string_view message, std::string_view data = {});
std::string notification_line(std::string_view method, std::string_view params);

// `text` cut to about `bytes_max` at a character boundary, with an ellipsis if something is missing.
std::string excerpt(std::string_view text, std::size_t bytes_max = 64);

}  // namespace vault::mcp
