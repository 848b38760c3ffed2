// Splits incoming bytes into lines.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "ledger/limits.hpp"

namespace vault::mcp {

// The largest payload, plus room for the rest of its message.
inline constexpr std::size_t line_bytes_max = limits::seal_bytes_max + (std::size_t{1} << 20);

// Memory stays below twice `bytes_max`, however long a line is.
class LineSplitter {
 public:
  explicit LineSplitter(std::size_t bytes_max = line_bytes_max) : bytes_max_(bytes_max) {}

  struct Line {
    std::string text;       // without its newline
    bool too_long = false;  // it had more than bytes_max; `text` is empty
  };

  // Takes bytes as they were read; next() then returns the lines that they completed.
  void feed(std::string_view bytes);
  std::optional<Line> next();
  // At the end of input: the text after the last newline, if any.
  std::optional<Line> rest();

 private:
  Line take(std::size_t size);

  std::size_t bytes_max_;
  std::string buffer_;
  std::size_t start_ = 0;    // of the next line
  std::size_t scanned_ = 0;  // no newline before this
  bool skipping_ = false;    // the line in buffer_ is too long: its beginning has already been dropped
};

}  // namespace vault::mcp
