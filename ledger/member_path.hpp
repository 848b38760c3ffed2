// The path of a member of a JSON or MessagePack map, as refusals show it: "seal_data.items[3].score".
#pragma once

#include <string>
#include <string_view>

namespace vault {

// Appends ".name" to a path, "name" if the path is empty. A name that would be ambiguous after a dot (empty, not UTF-8,
// or with spaces, dots or brackets in it) is put in brackets as a JSON string; a long one is cut at 64 bytes and ends
// in "…". So a name chosen by a peer costs a reply or a log little space, and is always valid UTF-8.
void append_member(std::string& path, std::string_view name);

}  // namespace vault
