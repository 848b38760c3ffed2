// Makes other people's text safe to show in log lines, tables and summaries. This is the one place that says which
// characters must not reach a terminal, a log or a reader unescaped.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace vault {

// One code point of a text. Broken UTF-8 is handed out byte by byte as U+FFFD, so that every text can be walked.
struct CodePoint {
  char32_t value = 0;
  std::size_t bytes = 1;  // of the text
  bool well_formed = true;
};
// The code point that begins at `at`, which is less than text.size().
CodePoint code_point_at(std::string_view text, std::size_t at);

// True for characters that end a line, drive a terminal, or invisibly change the order or the meaning of the text
// around them: C0, DEL and C1 controls (U+0085 and U+009B among them), U+2028, U+2029, direction marks (U+061C, U+200E,
// U+200F, U+202A to U+202E, U+2066 to U+2069), the byte order mark U+FEFF and the tags U+E0000 to U+E007F.
bool is_unprintable(char32_t code);

// True for characters with the Unicode property White_Space.
bool is_unicode_space(char32_t code);

// `text` with unprintable characters and invalid UTF-8 as JSON escapes: \u0085, \u202e, \udb40\udc01; a broken byte is
// \ufffd. Everything else stays as it is, including backslashes. Newlines stay if `keep_newlines`.
std::string escape_unprintable(std::string_view text, bool keep_newlines = false);

}  // namespace vault
