// The six tools: their names, what a model reads about them, and the schemas of what goes in and comes out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace vault::mcp {

enum class Tool : std::uint8_t { seal, read, list, query, verify, proof };

std::optional<Tool> find_tool(std::string_view name);
std::string_view tool_name(Tool tool);

// The array of tools that tools/list answers with, as JSON text; always the same.
const std::string& tools_json();

}  // namespace vault::mcp
