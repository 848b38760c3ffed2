// Results of tools/call: what vaultd answered, as structured content, its text, and a few words for the model.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "ledger/result.hpp"
#include "tools/mcp/dispatch.hpp"

namespace vault::mcp {

// A reply is kept below this: clients stop reading at 10 MiB, and models long before.
inline constexpr std::size_t reply_bytes_max = std::size_t{1} << 20;

// The result of a call that vaultd answered with this `result` map (MessagePack): {content, structuredContent, isError}
// as JSON text. The structured content is that map; of a page, as many entries as fit, with the cursor to go on with.
// Where the hashes of an entry do not fit it: {content, isError: true}, which entry, and then the map as text.
// Errors: too_large where a single entry does not fit; internal where the map is not what the operation answers with.
Result<std::string> success_result(const ToolCall& call, const std::string& result);

// {content, isError: true}
std::string refusal_result(std::string_view text, bool modern);

// "field: what is wrong", or without a field just that.
std::string describe(const Error& error);
// The same for a refusal by the vault or on the way to it: "code: what is wrong. What to do about it."
std::string describe_refusal(const ToolCall& call, const Error& error);

}  // namespace vault::mcp
