// The six tools: their names, their descriptions for the model, and the schemas of their input and output.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace vault::mcp {

enum class Tool : std::uint8_t { seal, read, list, query, verify, proof };

std::optional<Tool> find_tool(std::string_view name);
std::string_view tool_name(Tool tool);

// The array of tools for tools/list, as JSON text; always the same.
const std::string& tools_json();

}  // namespace vault::mcp
