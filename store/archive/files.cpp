#include "store/archive/files.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "ledger/check.hpp"
#include "os/durable_file.hpp"
#include "os/whole_file.hpp"

namespace vault {
namespace {

constexpr std::size_t chunk_bytes = std::size_t{256} << 10;
constexpr std::size_t buffer_bytes_max = std::size_t{4} << 20;  // for a file that arrives in pieces
// Number of files written before they are made durable together: the first fsync does most of the work of the others.
constexpr std::size_t pending_max = 96;
constexpr int depth_max = 16;  // tile/0/x001/…: seven levels of names hold 2^64 tiles
constexpr std::string_view unfinished = ".unfinished";
constexpr const char* inaccessible = "file";  // the `field` of errors by which is_unreadable() knows them

Error cannot(const std::string& what, const std::string& directory, const std::string& path, int cause) {
  const std::string name = path.empty() ? directory : directory + "/" + path;
  const std::string message = fmt::format("cannot {} {}: {}", what, name, std::strerror(cause));
  switch (code_of_file_error(cause)) {
    case ErrorCode::forbidden:
      return {ErrorCode::forbidden, message, inaccessible};
    case ErrorCode::internal:
      return {ErrorCode::unavailable, message, {}};
    default:
      return {ErrorCode::invalid_argument, message, {}};
  }
}

tl::unexpected<Error> unreadable(const std::string& path, int cause) {
  if (cause == EFBIG)
    return fail(ErrorCode::internal, fmt::format("{} cannot be read: larger than any such file", path));
  const ErrorCode code = code_of_file_error(cause);
  const bool nobody_can_look = code == ErrorCode::forbidden || code == ErrorCode::internal;
  // Otherwise something else stands there, a directory or a link: that is damage to the archive.
  return fail(code == ErrorCode::forbidden ? code : ErrorCode::internal,
              fmt::format("{} cannot be read: {}", path, std::strerror(cause)), nobody_can_look ? inaccessible : "");
}

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

int sync_directory(int base, const std::string& path) {
  const UniqueFd fd(::openat(base, path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return fd && ::fsync(fd.get()) == 0 ? 0 : errno;
}

struct CloseDirectory {
  void operator()(DIR* stream) const { ::closedir(stream); }
};
using DirectoryStream = std::unique_ptr<DIR, CloseDirectory>;

DirectoryStream list(int base, const std::string& path) {
  UniqueFd fd(::openat(base, path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return nullptr;
  DirectoryStream stream(::fdopendir(fd.get()));
  if (stream) fd.release();
  return stream;
}

}  // namespace

bool is_unreadable(const Error& error) {
  return error.field == inaccessible;
}

// --- Reading ---------------------------------------------------------------------------------------------------------

Result<bool> ArchiveFile::read_more(std::string& out) {
  const std::size_t had = out.size();
  out.resize(had + chunk_bytes);
  const ssize_t got = read_some(fd_.get(), out.data() + had, chunk_bytes);
  out.resize(had + (got > 0 ? static_cast<std::size_t>(got) : 0));
  if (got < 0) return fail(ErrorCode::internal, std::strerror(static_cast<int>(-got)), inaccessible);
  return got > 0;
}

Result<ArchiveDirectory> ArchiveDirectory::open(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return tl::unexpected(cannot("open the directory", path, "", errno));
  return ArchiveDirectory(path, std::move(fd));
}

UniqueFd ArchiveDirectory::open_quietly_below(const std::string& path) const {
  UniqueFd fd = open_quietly(fd_.get(), path, O_NOFOLLOW);
  struct stat info {};
  if (fd && ::fstat(fd.get(), &info) == 0 && !S_ISREG(info.st_mode)) {
    errno = S_ISDIR(info.st_mode) ? EISDIR : EINVAL;
    const int cause = errno;
    fd = UniqueFd();
    errno = cause;
  }
  return fd;
}

bool ArchiveDirectory::has(const std::string& path) const {
  return ::faccessat(fd_.get(), path.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

Result<std::optional<std::string>> ArchiveDirectory::read(const std::string& path, std::size_t bytes_max) const {
  const UniqueFd fd = open_quietly_below(path);
  if (!fd && errno == ENOENT) return std::nullopt;
  if (!fd) return unreadable(path, errno);
  std::string content;
  if (const int failure = read_to_end(fd.get(), bytes_max, content); failure != 0) return unreadable(path, failure);
  return content;
}

Result<std::optional<ArchiveFile>> ArchiveDirectory::open_file(const std::string& path) const {
  UniqueFd fd = open_quietly_below(path);
  if (!fd && errno == ENOENT) return std::nullopt;
  if (!fd) return unreadable(path, errno);
  return ArchiveFile(std::move(fd));
}

Status ArchiveDirectory::walk(const std::function<void(const std::string&, bool)>& file) const {
  return walk_below("", 0, file);
}

Status ArchiveDirectory::walk_below(const std::string& path, int depth,
                                    const std::function<void(const std::string&, bool)>& file) const {
  const DirectoryStream stream = list(fd_.get(), path.empty() ? "." : path);
  if (!stream) return unreadable(path.empty() ? path_ : path_ + "/" + path, errno);
  while (const dirent* found = ::readdir(stream.get())) {
    const std::string_view name = found->d_name;
    if (name == "." || name == "..") continue;
    const std::string below = path.empty() ? std::string(name) : fmt::format("{}/{}", path, name);
    struct stat info {};
    if (::fstatat(fd_.get(), below.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) continue;  // it has disappeared
    if (!S_ISDIR(info.st_mode) || depth == depth_max) {
      file(below, S_ISREG(info.st_mode));
    } else if (const Status walked = walk_below(below, depth + 1, file); !walked) {
      return walked;
    }
  }
  return {};
}

// --- Writing ---------------------------------------------------------------------------------------------------------

Result<ArchiveWriter> ArchiveWriter::open(const std::string& path, Readers readers) {
  std::string trimmed = path;
  while (trimmed.size() > 1 && trimmed.back() == '/') trimmed.pop_back();
  const int failure = make_durable_directory(trimmed, readers == Readers::everyone ? 0755 : 0750);
  if (failure != 0) return tl::unexpected(cannot("make the directory", trimmed, "", failure));
  auto directory = ArchiveDirectory::open(trimmed);
  if (!directory) return tl::unexpected(directory.error());
  ArchiveWriter writer(std::move(*directory), readers);
  if (const Status ready = writer.prepare(); !ready) return tl::unexpected(ready.error());
  return writer;
}

Status ArchiveWriter::prepare() {
  const int base = directory_.fd_.get();
  // File systems that cannot lock directories do without a lock.
  if (::flock(base, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    return fail(ErrorCode::busy, directory_.path() + ": another process is archiving into this directory");
  }
  const std::string name(unfinished);
  if (const DirectoryStream stream = list(base, name)) {
    while (const dirent* found = ::readdir(stream.get())) {
      if (found->d_name[0] != '.') ::unlinkat(::dirfd(stream.get()), found->d_name, 0);
    }
  }
  ::unlinkat(base, name.c_str(), AT_REMOVEDIR);
  return {};
}

Status ArchiveWriter::make_directories(const std::string& path) {
  const std::string parent = parent_of(path);
  if (parent == "." || made_.contains(parent)) return {};
  if (const Status above = make_directories(parent); !above) return above;
  const mode_t mode = readers_ == Readers::everyone ? 0755 : 0750;
  if (::mkdirat(directory_.fd_.get(), parent.c_str(), mode) != 0 && errno != EEXIST) {
    return tl::unexpected(cannot("make the directory", directory_.path(), parent, errno));
  }
  // Even if it already existed: the run that made it may have stopped before its fsync.
  changed_.insert(parent_of(parent));
  made_.insert(parent);
  return {};
}

Result<ArchiveWriter::Pending> ArchiveWriter::create(const std::string& path) {
  if (const Status made = make_directories(path); !made) return tl::unexpected(made.error());
  const std::string place(unfinished);
  if (counter_ == 0 && ::mkdirat(directory_.fd_.get(), place.c_str(), 0700) != 0 && errno != EEXIST) {
    return tl::unexpected(cannot("write to the directory", directory_.path(), "", errno));
  }
  Pending file{UniqueFd(), fmt::format("{}/{}", place, ++counter_), path};
  const mode_t mode = readers_ == Readers::everyone ? 0644 : 0640;
  file.fd =
      UniqueFd(::openat(directory_.fd_.get(), file.temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!file.fd) return tl::unexpected(cannot("write", directory_.path(), path, errno));
  return file;
}

Status ArchiveWriter::write(const Pending& file, std::string_view bytes) const {
  const int failure = write_all(file.fd.get(), bytes);
  if (failure != 0) return tl::unexpected(cannot("write", directory_.path(), file.path, failure));
  return {};
}

Status ArchiveWriter::keep(Pending file) {
  ::sync_file_range(file.fd.get(), 0, 0, SYNC_FILE_RANGE_WRITE);  // only starts writing; fsync reports errors
  pending_.push_back(std::move(file));
  return pending_.size() < pending_max ? Status{} : publish_pending();
}

Status ArchiveWriter::publish_pending() {
  const auto refuse = [this](const std::string& path) {
    return tl::unexpected(cannot("write", directory_.path(), path, errno));
  };
  for (const Pending& file : pending_) {
    if (::fsync(file.fd.get()) != 0) return refuse(file.path);
  }
  const int base = directory_.fd_.get();
  for (const Pending& file : pending_) {
    if (::renameat(base, file.temporary.c_str(), base, file.path.c_str()) != 0) return refuse(file.path);
    changed_.insert(parent_of(file.path));
    ++files_written_;
  }
  pending_.clear();
  return {};
}

Status ArchiveWriter::put_new(const std::string& path, std::string_view content) {
  auto file = create(path);
  if (!file) return tl::unexpected(file.error());
  if (const Status written = write(*file, content); !written) return written;
  return keep(std::move(*file));
}

Status ArchiveWriter::put(const std::string& path, std::string_view content) {
  const auto there = directory_.read(path, content.size());
  if (!there || *there != content) return put_new(path, content);
  changed_.insert(parent_of(path));  // the run that wrote it may have stopped before its fsync
  return make_directories(path);
}

Status ArchiveWriter::put_unchanging(const std::string& path, std::string_view content) {
  const auto there = directory_.read(path, content.size());
  if (!there && is_unreadable(there.error())) return tl::unexpected(there.error());
  if (there && !*there) return put_new(path, content);
  if (there && **there == content) return put(path, content);
  return fail(ErrorCode::internal,
              fmt::format("{}/{} is there already and holds something else: it is damaged, or the directory was begun "
                          "for another ledger. Remove the file, or archive into another directory",
                          directory_.path(), path));
}

Status ArchiveWriter::begin(const std::string& path) {
  VAULT_CHECK(path_.empty());
  path_ = path;
  buffer_.clear();
  return {};
}

Status ArchiveWriter::append(std::string_view bytes) {
  VAULT_CHECK(!path_.empty());
  buffer_ += bytes;
  if (buffer_.size() < buffer_bytes_max) return {};
  if (!large_) {
    auto file = create(path_);
    if (!file) return tl::unexpected(file.error());
    large_ = std::move(*file);
  }
  const Status written = write(*large_, buffer_);
  buffer_.clear();
  return written;
}

Status ArchiveWriter::finish() {
  const std::string path = std::exchange(path_, {});
  if (!large_) return put(path, buffer_);
  if (const Status written = write(*large_, buffer_); !written) return written;
  Pending file = std::move(*large_);
  large_.reset();
  return keep(std::move(file));
}

Status ArchiveWriter::sync() {
  if (const Status published = publish_pending(); !published) return published;
  for (const std::string& path : changed_) {
    const int failure = sync_directory(directory_.fd_.get(), path);
    if (failure != 0) return tl::unexpected(cannot("write the directory", directory_.path(), path, failure));
  }
  changed_.clear();
  return {};
}

Status ArchiveWriter::put_last(const std::string& path, std::string_view content) {
  if (const Status synced = sync(); !synced) return synced;
  if (const Status written = put(path, content); !written) return written;
  if (const Status synced = sync(); !synced) return synced;
  ::unlinkat(directory_.fd_.get(), std::string(unfinished).c_str(), AT_REMOVEDIR);
  return {};
}

}  // namespace vault
