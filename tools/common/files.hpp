// Files that vaultctl reads and writes. Errors name path and cause: invalid_argument if the path is wrong (it is the
// user's input), is_inaccessible() if it may be right.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "ledger/result.hpp"
#include "os/file_descriptor.hpp"

namespace vault::ctl {

inline constexpr std::size_t input_bytes_max = std::size_t{64} << 20;

// True if a file could not be read or written for no fault of the path: no permission (`forbidden`), or the disk fails
// or is full (`internal`); `field` is "file". store/archive/ marks its errors in the same way.
bool is_inaccessible(const Error& error);
// The error for a system call on `path` that failed with the errno `cause`. `field` is that of an invalid_argument.
tl::unexpected<Error> cannot(const std::string& what, const std::string& path, int cause,
                             const std::string& field = {});

bool is_existing_file(const std::string& path);

// The whole of a file, or of stdin for "-". Refuses more than `bytes_max`: too_large.
Result<std::string> read_input(const std::string& path, std::size_t bytes_max = input_bytes_max);

// Makes a new file, fsynced. Never overwrites: invalid_argument if the path exists.
Status create_file(const std::string& path, std::string_view content, mode_t mode);

// Lines of a file or of stdin ("-"), never blocking longer than requested.
class LineReader {
 public:
  static Result<LineReader> open(const std::string& path);

  // The next line without its line end; nullopt at the end of input or if none arrived within `wait_ms` (-1: no limit).
  // A line over input_bytes_max ends the input (too_long()).
  std::optional<std::string> next(int wait_ms);
  bool at_end() const { return ended_ && start_ >= buffer_.size(); }
  bool too_long() const { return too_long_; }
  std::size_t bytes_read() const { return bytes_read_; }
  std::size_t bytes_total() const { return bytes_total_; }  // 0 if unknown

 private:
  LineReader(UniqueFd file, std::size_t bytes_total) : file_(std::move(file)), bytes_total_(bytes_total) {}
  bool fill(int wait_ms);  // false: nothing arrived

  UniqueFd file_;  // none: stdin
  std::string buffer_;
  std::size_t start_ = 0;    // of the next line in buffer_
  std::size_t scanned_ = 0;  // no line end before this
  bool ended_ = false;
  bool too_long_ = false;
  std::size_t bytes_read_ = 0;
  std::size_t bytes_total_ = 0;
};

}  // namespace vault::ctl
