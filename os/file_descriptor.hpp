// File descriptors with an owner.
#pragma once

#include <string_view>
#include <utility>

#include "ledger/result.hpp"

namespace vault {

// A file descriptor that is closed with its owner.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~UniqueFd();
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

// Whose fault an errno of a file is: not_found and forbidden; invalid_argument where the name leads to what will not do
// (a directory, a loop, a read-only file system); else internal, which is the machine's and may pass: I/O errors, no
// room, no descriptors, no memory.
ErrorCode code_of_file_error(int error);

// Writes all of it, however often the system takes less. 0, or errno.
int write_all(int fd, std::string_view bytes);

}  // namespace vault
