// Colours on a terminal; NO_COLOR and TERM=dumb switch them off, and --color overrides both.
#pragma once

#include <string>
#include <string_view>

#include "ledger/entry.hpp"

namespace vault::ctl {

enum class Colour { none, red, green, yellow, cyan, dim, bold };

enum class ColourMode { automatic, always, never };
// Call before anything is written.
void set_colour_mode(ColourMode wanted);

// Whether the file should have colours: by the mode, otherwise if it is a terminal that supports them.
bool wants_colour(int fd);
// `text` in that colour if `wanted`.
std::string paint(std::string_view text, Colour colour, bool wanted);
// `text` in that colour if stdout is a terminal that supports colours, otherwise as it is.
std::string coloured(std::string_view text, Colour colour);
Colour verdict_colour(Verdict verdict);

}  // namespace vault::ctl
