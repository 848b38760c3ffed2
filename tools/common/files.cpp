#include "tools/common/files.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "os/durable_file.hpp"
#include "os/file_descriptor.hpp"
#include "os/whole_file.hpp"

namespace vault::ctl {
namespace {

constexpr std::size_t chunk_bytes = std::size_t{256} << 10;

constexpr const char* inaccessible = "file";  // the `field` of errors by which is_inaccessible() knows them

}  // namespace

bool is_inaccessible(const Error& error) {
  return error.field == inaccessible;
}

tl::unexpected<Error> cannot(const std::string& what, const std::string& path, int cause, const std::string& field) {
  const std::string message = "cannot " + what + " " + path + ": " + std::strerror(cause);
  const ErrorCode code = code_of_file_error(cause);
  if (code == ErrorCode::forbidden || code == ErrorCode::internal) return fail(code, message, inaccessible);
  return fail(ErrorCode::invalid_argument, message, field);
}

bool is_existing_file(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && !S_ISDIR(info.st_mode);
}

Result<std::string> read_input(const std::string& path, std::size_t bytes_max) {
  const bool is_stdin = path == "-";
  const UniqueFd file(is_stdin ? -1 : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!is_stdin && !file) return cannot("open", path, errno);
  std::string text;
  const int failure = read_to_end(is_stdin ? STDIN_FILENO : file.get(), bytes_max, text);
  if (failure == EFBIG) {
    return fail(ErrorCode::too_large, path + " holds more than " + std::to_string(bytes_max) + " bytes");
  }
  if (failure != 0) return cannot("read", path, failure);
  return text;
}

Status create_file(const std::string& path, std::string_view content, mode_t mode) {
  auto file = PendingFile::create(path, mode, PendingFile::Name::unique);
  if (!file) return cannot("create", path, file.error());
  if (const int failure = file->write(content); failure != 0) return cannot("write", path, failure);
  const auto published = file->publish(PendingFile::Existing::keep);
  if (published) return {};
  const auto [step, error] = published.error();
  if (step == PublishFailure::Step::name && error == EEXIST) {
    return fail(ErrorCode::invalid_argument, path + " exists already and is not overwritten");
  }
  return cannot(step == PublishFailure::Step::directory ? "make durable" : "write", path, error);
}

Result<LineReader> LineReader::open(const std::string& path) {
  if (path == "-") return LineReader(UniqueFd(), 0);
  UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return cannot("open", path, errno);
  struct stat info {};
  const bool regular = ::fstat(file.get(), &info) == 0 && S_ISREG(info.st_mode);
  if (S_ISDIR(info.st_mode)) return cannot("read", path, EISDIR);
  return LineReader(std::move(file), regular ? static_cast<std::size_t>(info.st_size) : 0);
}

bool LineReader::fill(int wait_ms) {
  const int fd = file_ ? file_.get() : STDIN_FILENO;
  pollfd waiting{fd, POLLIN, 0};
  if (::poll(&waiting, 1, wait_ms) <= 0) return false;
  const std::size_t had = buffer_.size();
  buffer_.resize(had + chunk_bytes);
  const ssize_t got = ::read(fd, buffer_.data() + had, chunk_bytes);
  buffer_.resize(had + (got > 0 ? static_cast<std::size_t>(got) : 0));
  if (got > 0) bytes_read_ += static_cast<std::size_t>(got);
  if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)) ended_ = true;
  return got > 0;
}

std::optional<std::string> LineReader::next(int wait_ms) {
  while (true) {
    const auto end = buffer_.find('\n', scanned_);
    if (end != std::string::npos) {
      std::string line = buffer_.substr(start_, end - start_);
      start_ = scanned_ = end + 1;
      return line;
    }
    scanned_ = buffer_.size();
    if (ended_) {
      if (start_ >= buffer_.size()) return std::nullopt;
      std::string line = buffer_.substr(start_);  // the last line lacks its line end
      start_ = buffer_.size();
      return line;
    }
    buffer_.erase(0, start_);
    scanned_ -= start_;
    start_ = 0;
    if (buffer_.size() > input_bytes_max) {
      too_long_ = ended_ = true;
      buffer_.clear();
      scanned_ = 0;
      return std::nullopt;
    }
    if (!fill(wait_ms) && !ended_) return std::nullopt;
  }
}

}  // namespace vault::ctl
