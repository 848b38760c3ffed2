#include "os/file_descriptor.hpp"

#include <cerrno>

namespace vault {

ErrorCode code_of_file_error(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return ErrorCode::not_found;
    case EACCES:
    case EPERM:
      return ErrorCode::forbidden;
    case EEXIST:
    case EISDIR:
    case EINVAL:
    case ELOOP:
    case ENAMETOOLONG:
    case ENXIO:
    case EROFS:
      return ErrorCode::invalid_argument;
    default:
      return ErrorCode::internal;
  }
}

ssize_t read_some(int fd, char* out, std::size_t size) {
  while (true) {
    const ssize_t got = ::read(fd, out, size);
    if (got >= 0) return got;
    if (errno != EINTR) return -errno;
  }
}

int write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

}  // namespace vault
