// Lines and decimals of the C2SP text formats, read strictly.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace vault {

// Hands out a text line by line. Views live as long as the text.
class LineReader {
 public:
  explicit LineReader(std::string_view text) : rest_(text) {}

  // The next line without its newline; nullopt at the end of the text, and for a last line without a newline.
  std::optional<std::string_view> next() {
    const std::size_t end = rest_.find('\n');
    ++number_;
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return line;
  }
  // Number of the line last requested from next(), from 1.
  std::size_t number() const { return number_; }
  // The text that has not been handed out yet.
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
  std::size_t number_ = 0;
};

// ASCII decimal without sign or leading zeros, at most 2^64 - 1.
inline std::optional<std::uint64_t> parse_decimal(std::string_view text) {
  if (text.empty() || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace vault
