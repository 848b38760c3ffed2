#include "tools/common/display_width.hpp"

#include <clocale>
#include <cwchar>
#include <vector>

#include "ledger/printable.hpp"

namespace vault::ctl {
namespace {

constexpr char32_t zero_width_joiner = 0x200D, emoji_style = 0xFE0F;
constexpr std::size_t picture_columns = 2;

// wcwidth() depends on the thread's locale. C.UTF-8 is part of the C library; without it, every character counts as
// one.
class Utf8Locale {
 public:
  Utf8Locale() : locale_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
    if (locale_ != nullptr) before_ = ::uselocale(locale_);
  }
  ~Utf8Locale() {
    if (locale_ == nullptr) return;
    ::uselocale(before_);
    ::freelocale(locale_);
  }
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;

  std::size_t width(char32_t code) const {
    const int columns = locale_ == nullptr ? 1 : ::wcwidth(static_cast<wchar_t>(code));
    return columns < 0 ? 1 : static_cast<std::size_t>(columns);
  }

 private:
  locale_t locale_;
  locale_t before_ = nullptr;
};

bool is_skin_tone(char32_t code) {
  return code >= 0x1F3FB && code <= 0x1F3FF;
}

bool is_flag_half(char32_t code) {
  return code >= 0x1F1E6 && code <= 0x1F1FF;
}

// A unit drawn at one position: never split.
struct Glyph {
  std::size_t end = 0;  // offset in the text
  std::size_t columns = 0;
};

std::vector<Glyph> glyphs_of(std::string_view text) {
  const Utf8Locale locale;
  std::vector<Glyph> glyphs;
  bool joined = false;     // by a preceding ZWJ
  bool half_flag = false;  // the glyph is the first letter of a flag
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = code_point_at(text, at);
    at += point.bytes;
    const std::size_t columns = locale.width(point.value);
    const bool extends =
        columns == 0 || joined || is_skin_tone(point.value) || (half_flag && is_flag_half(point.value));
    if (!extends || glyphs.empty()) {
      glyphs.push_back({at, columns});
      half_flag = is_flag_half(point.value);
    } else {
      glyphs.back().end = at;
      if (half_flag || (point.value == emoji_style && glyphs.back().columns > 0))
        glyphs.back().columns = picture_columns;
      half_flag = false;
    }
    joined = point.value == zero_width_joiner;
  }
  return glyphs;
}

std::size_t sum(const std::vector<Glyph>& glyphs) {
  std::size_t columns = 0;
  for (const Glyph& glyph : glyphs) columns += glyph.columns;
  return columns;
}

// The end of the longest prefix that fits.
std::size_t end_within(const std::vector<Glyph>& glyphs, std::size_t columns) {
  std::size_t width = 0, end = 0;
  for (const Glyph& glyph : glyphs) {
    width += glyph.columns;
    if (width > columns) break;
    end = glyph.end;
  }
  return end;
}

std::size_t start_within(const std::vector<Glyph>& glyphs, std::size_t columns) {
  std::size_t width = 0, start = glyphs.empty() ? 0 : glyphs.back().end;
  for (std::size_t i = glyphs.size(); i > 0; --i) {
    width += glyphs[i - 1].columns;
    if (width > columns) break;
    start = i == 1 ? 0 : glyphs[i - 2].end;
  }
  return start;
}

}  // namespace

std::size_t display_width(std::string_view text) {
  return sum(glyphs_of(text));
}

std::string cut_to_columns(std::string_view text, std::size_t columns) {
  const auto glyphs = glyphs_of(text);
  if (sum(glyphs) <= columns) return std::string(text);
  return std::string(text.substr(0, end_within(glyphs, columns - 1))) + "…";
}

std::string cut_middle(std::string_view text, std::size_t columns) {
  const auto glyphs = glyphs_of(text);
  if (sum(glyphs) <= columns) return std::string(text);
  const std::size_t front = (columns - 1) / 2, back = columns - 1 - front;
  return std::string(text.substr(0, end_within(glyphs, front))) + "…" +
         std::string(text.substr(start_within(glyphs, back)));
}

}  // namespace vault::ctl
