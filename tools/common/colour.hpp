// Colours on a terminal; NO_COLOR and TERM=dumb switch them off, and --color has the last word.
#pragma once

#include <string>
#include <string_view>

#include "ledger/entry.hpp"

namespace vault::ctl {

enum class Colour { none, red, green, yellow, cyan, dim, bold };

enum class ColourMode { automatic, always, never };
// Before anything is written.
void set_colour_mode(ColourMode wanted);

// Whether the file is to have colours: by the mode, else whether it is a terminal that wants them.
bool wants_colour(int fd);
// `text` in that colour if `wanted`.
std::string paint(std::string_view text, Colour colour, bool wanted);
// `text` in that colour if stdout is a terminal that wants colours, else as it is.
std::string coloured(std::string_view text, Colour colour);
Colour verdict_colour(Verdict verdict);

}  // namespace vault::ctl
