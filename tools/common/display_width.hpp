// How many columns a text takes on a terminal, and texts cut to a number of columns. Widths are the C library's
// (wcwidth(3), kept up with Unicode), in a UTF-8 locale whatever the user's is; what joins to one picture (ZWJ, skin
// tones, flags) counts once. Terminals differ in the last point; those of today draw one picture, two columns wide.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace vault::ctl {

// Escape sequences are not expected; see printable().
std::size_t display_width(std::string_view text);

// Cut to `columns` columns (at least 1), with an ellipsis where something is missing: at the end, ...
std::string cut_to_columns(std::string_view text, std::size_t columns);
// ... or in the middle, so that beginning and end stay: names of one kind differ at their ends.
std::string cut_middle(std::string_view text, std::size_t columns);

}  // namespace vault::ctl
