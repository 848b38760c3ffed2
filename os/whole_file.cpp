#include "os/whole_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "os/file_descriptor.hpp"

namespace vault {
namespace {

constexpr std::size_t piece_bytes = std::size_t{256} << 10;

tl::unexpected<Error> refuse(const std::string& path, int error) {
  return fail(code_of_file_error(error), fmt::format("{}: {}", path, std::strerror(error)));
}

}  // namespace

Result<WholeFile> read_whole_file(const std::string& path, std::size_t bytes_max) {
  // O_NONBLOCK is for a FIFO that nobody writes to; it has no effect on a file.
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat info {};
  if (!fd || ::fstat(fd.get(), &info) != 0) return refuse(path, errno);
  if (S_ISDIR(info.st_mode)) return refuse(path, EISDIR);
  if (!S_ISREG(info.st_mode)) return fail(ErrorCode::invalid_argument, path + ": is not a file");
  WholeFile file{{}, info.st_mode & 07777U, info.st_uid};
  const int failure = read_to_end(fd.get(), bytes_max, file.bytes);
  if (failure == 0) return file;
  if (failure != EFBIG) return refuse(path, failure);
  return fail(ErrorCode::invalid_argument, fmt::format("{}: has more than {} bytes", path, bytes_max));
}

int read_to_end(int fd, std::size_t bytes_max, std::string& out) {
  struct stat info {};
  std::size_t piece = piece_bytes;
  if (::fstat(fd, &info) == 0 && info.st_size > 0) piece = static_cast<std::size_t>(info.st_size) + 1;
  const std::size_t begin = out.size();
  while (true) {
    const std::size_t had = out.size();
    out.resize(had + std::min(piece, bytes_max + 1 - (had - begin)));
    const ssize_t got = read_some(fd, out.data() + had, out.size() - had);
    out.resize(had + (got > 0 ? static_cast<std::size_t>(got) : 0));
    if (got < 0) return static_cast<int>(-got);
    if (got == 0) return 0;
    if (out.size() - begin > bytes_max) return EFBIG;
    piece = piece_bytes;
  }
}

}  // namespace vault
