#include "ledger/printable.hpp"

#include <fmt/format.h>

#include "ledger/bytes.hpp"

namespace vault {
namespace {

constexpr char32_t replacement = 0xFFFD;

bool is_within(char32_t code, char32_t first, char32_t last) {
  return code >= first && code <= last;
}

// Number of bytes in a sequence with this first byte; 0 if no sequence begins with it.
std::size_t announced_bytes(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead < 0xE0) return 2;
  if (lead >= 0xE0 && lead < 0xF0) return 3;
  if (lead >= 0xF0 && lead < 0xF5) return 4;
  return 0;
}

void append_escape(std::string& out, char32_t code) {
  if (code > 0xFFFF) {
    const char32_t rest = code - 0x10000;
    fmt::format_to(std::back_inserter(out), "\\u{:04x}\\u{:04x}", 0xD800U + static_cast<unsigned>(rest >> 10),
                   0xDC00U + static_cast<unsigned>(rest & 0x3FF));
  } else {
    fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(code));
  }
}

}  // namespace

CodePoint code_point_at(std::string_view text, std::size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  if (lead < 0x80) return {lead, 1, true};
  const std::size_t bytes = announced_bytes(lead);
  if (bytes == 0 || at + bytes > text.size() || !is_valid_utf8(text.substr(at, bytes))) return {replacement, 1, false};
  char32_t code = lead & (0xFFU >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) code = code << 6 | (static_cast<unsigned char>(text[at + i]) & 0x3FU);
  return {code, bytes, true};
}

bool is_unprintable(char32_t code) {
  return code < 0x20 || is_within(code, 0x7F, 0x9F) || code == 0x061C || code == 0x200E || code == 0x200F ||
         is_within(code, 0x2028, 0x202E) || is_within(code, 0x2066, 0x2069) || code == 0xFEFF ||
         is_within(code, 0xE0000, 0xE007F);
}

bool is_unicode_space(char32_t code) {
  return is_within(code, 0x09, 0x0D) || code == 0x20 || code == 0x85 || code == 0xA0 || code == 0x1680 ||
         is_within(code, 0x2000, 0x200A) || code == 0x2028 || code == 0x2029 || code == 0x202F || code == 0x205F ||
         code == 0x3000;
}

std::string escape_unprintable(std::string_view text, bool keep_newlines) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = code_point_at(text, at);
    const bool kept = keep_newlines && point.value == '\n';
    if (!kept && (!point.well_formed || is_unprintable(point.value))) {
      append_escape(out, point.value);
    } else {
      out += text.substr(at, point.bytes);
    }
    at += point.bytes;
  }
  return out;
}

}  // namespace vault
