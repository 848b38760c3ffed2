#include "os/file_lines.hpp"

#include <fcntl.h>

#include <cerrno>

namespace vault {
namespace {

constexpr std::size_t chunk_bytes = std::size_t{256} << 10;

}  // namespace

UniqueFd open_quietly(int directory, const std::string& path, int flags) {
  // O_NONBLOCK: opening a FIFO must not block before we can see that it is one.
  flags |= O_RDONLY | O_CLOEXEC | O_NONBLOCK;
  const int fd = ::openat(directory, path.c_str(), flags | O_NOATIME);
  if (fd >= 0 || errno != EPERM) return UniqueFd(fd);
  return UniqueFd(::openat(directory, path.c_str(), flags));
}

bool FileLines::fill() {
  const std::size_t had = buffer_.size();
  buffer_.resize(had + chunk_bytes);
  const ssize_t got = read_some(fd_.get(), buffer_.data() + had, chunk_bytes);
  buffer_.resize(had + (got > 0 ? static_cast<std::size_t>(got) : 0));
  if (got > 0) bytes_read_ += static_cast<std::uint64_t>(got);
  if (got < 0) failure_ = static_cast<int>(-got);
  ended_ = got <= 0;
  return got > 0;
}

std::optional<FileLines::Line> FileLines::next() {
  while (true) {
    const std::size_t found = buffer_.find('\n', scanned_);
    const bool whole = found != std::string::npos;
    if (whole || (ended_ && failure_ == 0 && (start_ < buffer_.size() || skipping_))) {
      const std::size_t end = whole ? found : buffer_.size();
      Line line;
      line.too_long = skipping_ || end - start_ > line_bytes_max_;
      if (!line.too_long) line.bytes = buffer_.substr(start_, end - start_);
      if (!line.bytes.empty() && line.bytes.back() == '\r') line.bytes.pop_back();
      start_ = scanned_ = whole ? end + 1 : end;
      skipping_ = false;
      ++number_;
      return line;
    }
    if (ended_) return std::nullopt;
    buffer_.erase(0, start_);
    start_ = 0;
    if (buffer_.size() > line_bytes_max_ + 1) {
      skipping_ = true;
      buffer_.clear();
    }
    scanned_ = buffer_.size();
    fill();
  }
}

}  // namespace vault
