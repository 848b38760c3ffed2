// File descriptors that are closed by their owner.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <cstddef>
#include <string_view>
#include <utility>

#include "ledger/result.hpp"

namespace vault {

// Owns a file descriptor and closes it. It is defined in this header alone, because the client library does not link
// vault_os.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~UniqueFd() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

// Classifies an errno of a file by whose fault it is: not_found and forbidden; invalid_argument if the name leads to
// something unsuitable (a directory, a loop, a read-only file system); otherwise internal, for the machine's own
// failures, which may pass: I/O errors, no space, no descriptors, no memory.
ErrorCode code_of_file_error(int error);

// Reads what there is, at most `size` bytes, however often a signal interrupts it. Returns the number of bytes, 0 at
// the end, or -errno.
ssize_t read_some(int fd, char* out, std::size_t size);

// Writes all of it, however many writes that takes. 0, or errno.
int write_all(int fd, std::string_view bytes);

}  // namespace vault
