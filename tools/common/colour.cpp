#include "tools/common/colour.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

#include "tools/common/pager.hpp"

namespace vault::ctl {
namespace {

ColourMode mode = ColourMode::automatic;

}  // namespace

void set_colour_mode(ColourMode wanted) {
  mode = wanted;
}

bool wants_colour(int fd) {
  if (mode != ColourMode::automatic) return mode == ColourMode::always;
  const char* no_color = std::getenv("NO_COLOR");
  if (no_color != nullptr && *no_color != '\0') return false;
  const char* term = std::getenv("TERM");
  if (term != nullptr && std::string_view(term) == "dumb") return false;
  return ::isatty(fd == STDOUT_FILENO ? stdout_terminal() : fd) == 1;
}

std::string paint(std::string_view text, Colour colour, bool wanted) {
  static constexpr const char* codes[] = {"", "31", "32", "33", "36", "2", "1"};
  if (!wanted || colour == Colour::none) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", codes[static_cast<int>(colour)], text);
}

std::string coloured(std::string_view text, Colour colour) {
  return paint(text, colour, wants_colour(STDOUT_FILENO));
}

Colour verdict_colour(Verdict verdict) {
  switch (verdict) {
    case Verdict::seal:
      return Colour::green;
    case Verdict::void_:
      return Colour::red;
    case Verdict::hold:
      return Colour::yellow;
    case Verdict::partial:
    case Verdict::sabar:
      return Colour::cyan;
    case Verdict::sunset:
      return Colour::dim;
  }
  return Colour::none;
}

}  // namespace vault::ctl
