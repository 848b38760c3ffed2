// How a member of a JSON or MessagePack map is named in a refusal: "seal_data.items[3].score".
#pragma once

#include <string>
#include <string_view>

namespace vault {

// Appends ".name" to a path, "name" where the path is empty. A name that would not read unmistakably after a dot
// (empty, with spaces, dots or brackets in it, not UTF-8) stands in brackets as a JSON string; a long one is cut at 64
// bytes and ends in "…". So what a peer chose as a name costs a reply or a log little, and is always valid UTF-8.
void append_member(std::string& path, std::string_view name);

}  // namespace vault
