// The number of columns that a text takes on a terminal, and texts cut to a number of columns. Widths come from the C
// library (wcwidth(3), which follows Unicode), in a UTF-8 locale whatever the user's is; sequences that form one
// picture (ZWJ, skin tones, flags) count once. Terminals differ in the last point; current ones draw one picture, two
// columns wide.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace vault::ctl {

// Expects no escape sequences; see printable().
std::size_t display_width(std::string_view text);

// Cuts to `columns` columns (at least 1), with an ellipsis where something is missing: at the end, ...
std::string cut_to_columns(std::string_view text, std::size_t columns);
// ... or in the middle, keeping beginning and end: names of one kind often differ at their ends.
std::string cut_middle(std::string_view text, std::size_t columns);

}  // namespace vault::ctl
