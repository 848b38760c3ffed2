// Opens files without leaving a trace, and reads them line by line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "os/file_descriptor.hpp"

namespace vault {

// openat() for reading with `flags` added; leaves access times untouched where that is allowed. On failure errno is
// set.
UniqueFd open_quietly(int directory, const std::string& path, int flags);

// Reads the lines of a file in pieces: memory for one line, however long the file is.
class FileLines {
 public:
  FileLines(UniqueFd fd, std::size_t line_bytes_max) : fd_(std::move(fd)), line_bytes_max_(line_bytes_max) {}

  struct Line {
    std::string bytes;      // without the line end (\n or \r\n)
    bool too_long = false;  // over the limit: `bytes` is empty
  };
  // nullopt at the end of the file or if reading failed (failure() is then not 0).
  std::optional<Line> next();
  std::int64_t number() const { return number_; }  // of the line that next() returned last, from 1
  int failure() const { return failure_; }         // errno
  std::uint64_t bytes_read() const { return bytes_read_; }

 private:
  bool fill();

  UniqueFd fd_;
  std::size_t line_bytes_max_;
  std::string buffer_;
  std::size_t start_ = 0;    // of the next line in buffer_
  std::size_t scanned_ = 0;  // no line end before this
  bool skipping_ = false;    // inside a line that is too long
  bool ended_ = false;
  std::int64_t number_ = 0;
  int failure_ = 0;
  std::uint64_t bytes_read_ = 0;
};

}  // namespace vault
