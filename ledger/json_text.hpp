// Text helpers shared by the JSON parser and the canonical printer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace vault {

// Length of the leading part of `text` that can stand unescaped in a JSON string: up to the first quotation mark,
// backslash or control character U+0000-U+001F.
inline std::size_t plain_length(std::string_view text) {
  constexpr std::uint64_t ones = 0x0101010101010101U;
  constexpr std::uint64_t highs = 0x8080808080808080U;
  // Sets the high bit of each byte that is zero; exact up to and including the lowest such byte, which is all we need.
  const auto zero_bytes = [](std::uint64_t word) { return (word - ones) & ~word & highs; };
  std::size_t i = 0;
  for (std::uint64_t word = 0; i + sizeof word <= text.size(); i += sizeof word) {
    std::memcpy(&word, text.data() + i, sizeof word);
    const std::uint64_t controls = (word - 0x20 * ones) & ~word & highs;
    if ((controls | zero_bytes(word ^ ('"' * ones)) | zero_bytes(word ^ ('\\' * ones))) != 0) break;
  }
  for (; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x20 || c == '"' || c == '\\') break;
  }
  return i;
}

// Member order of RFC 8785 section 3.2.3: UTF-16 code units, compared as numbers. Both texts are valid UTF-8.
inline bool name_before(std::string_view left, std::string_view right) {
  const std::size_t common = left.size() < right.size() ? left.size() : right.size();
  std::size_t i = 0;
  for (std::uint64_t a = 0, b = 0; i + sizeof a <= common; i += sizeof a) {
    std::memcpy(&a, left.data() + i, sizeof a);
    std::memcpy(&b, right.data() + i, sizeof b);
    if (a != b) break;
  }
  while (i < common && left[i] == right[i]) ++i;
  if (i == common) return left.size() < right.size();
  const auto a = static_cast<unsigned char>(left[i]);
  const auto b = static_cast<unsigned char>(right[i]);
  // UTF-8 sorts by code point, which differs from UTF-16 in one place: beyond U+FFFF (lead bytes F0 and up) there are
  // surrogates, D800-DFFF, that sort before U+E000-U+FFFF (lead bytes EE and EF).
  if (a >= 0xEE && b >= 0xEE && (a >= 0xF0) != (b >= 0xF0)) return a >= 0xF0;
  return a < b;
}

}  // namespace vault
