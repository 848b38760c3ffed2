// Results of tools/call: vaultd's answer as structured content, as text, and as a short summary for the model.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "ledger/result.hpp"
#include "tools/mcp/dispatch.hpp"

namespace vault::mcp {

// Replies are kept below this size: clients stop reading at 10 MiB, and models long before.
inline constexpr std::size_t reply_bytes_max = std::size_t{1} << 20;

// The result of a call that vaultd answered with this `result` map (MessagePack): {content, structuredContent, isError}
// as JSON text. The structured content is that map; for a page, as many entries as fit, with the cursor for the rest.
// If an entry's hashes do not fit: {content, isError: true}, saying which entry, followed by the map as text.
// Errors: too_large if a single entry does not fit; internal if the map is not a result of the operation.
Result<std::string> success_result(const ToolCall& call, const std::string& result);

// {content, isError: true}
std::string refusal_result(std::string_view text, bool modern);

// "field: what is wrong", or without a field only the latter.
std::string describe(const Error& error);
// The same for a refusal by the vault or by the connection to it: "code: what is wrong. What to do about it."
std::string describe_refusal(const ToolCall& call, const Error& error);

}  // namespace vault::mcp
