#include "os/durable_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace vault {
namespace {

constexpr int names_max = 1'000;  // that are tried

// "" if no directory above it could be missing.
std::string parent_of(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

// The directory that holds what has this path.
std::string directory_of(const std::string& path) {
  const std::string parent = parent_of(path);
  return !parent.empty() ? parent : path.starts_with('/') ? "/" : ".";
}

tl::unexpected<Error> file_error(const std::string& what, const std::string& path, int error) {
  return fail(ErrorCode::internal, what + " " + path + ": " + std::strerror(error));
}

}  // namespace

int sync_directory(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return fd && ::fsync(fd.get()) == 0 ? 0 : errno;
}

int make_durable_directory(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) == 0) return sync_directory(path + "/..");
  if (errno == EEXIST) {
    // If the parent of a directory cannot be opened or synced here, somebody else made the directory.
    return sync_directory(path + "/..") == ENOTDIR ? ENOTDIR : 0;
  }
  const std::string parent = parent_of(path);
  if (errno != ENOENT || parent.empty()) return errno;
  if (const int failure = make_durable_directory(parent, mode); failure != 0) return failure;
  return ::mkdir(path.c_str(), mode) == 0 ? sync_directory(path + "/..") : errno;
}

int rename_to_new_name(int directory, const std::string& from, const std::string& to) {
  if (::renameat2(directory, from.c_str(), directory, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP) return errno;
  if (::linkat(directory, from.c_str(), directory, to.c_str(), 0) != 0) return errno;
  ::unlinkat(directory, from.c_str(), 0);
  return 0;
}

tl::expected<PendingFile, int> PendingFile::create(const std::string& path, mode_t mode, Name name) {
  std::string beside = path + ".new";
  if (name == Name::fixed) {
    UniqueFd fd(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
    if (!fd) return tl::unexpected(errno);
    return PendingFile(std::move(fd), path, std::move(beside));
  }
  const std::string prefix = beside + "." + std::to_string(::getpid()) + ".";
  // A number may be taken: by another file that this process is writing, or by one that a crash has left.
  for (int number = 1; number <= names_max; ++number) {
    beside = prefix + std::to_string(number);
    UniqueFd fd(::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (fd) return PendingFile(std::move(fd), path, std::move(beside));
    if (errno != EEXIST) break;
  }
  return tl::unexpected(errno);
}

PendingFile::~PendingFile() {
  if (!name_.empty()) ::unlink(name_.c_str());
}

tl::expected<void, PublishFailure> PendingFile::publish(Existing existing) {
  using Step = PublishFailure::Step;
  int failure = ::fsync(fd_.get()) == 0 ? 0 : errno;
  if (::close(fd_.release()) != 0 && failure == 0) failure = errno;
  if (failure != 0) return tl::unexpected(PublishFailure{Step::content, failure});
  if (existing == Existing::keep) {
    failure = rename_to_new_name(AT_FDCWD, name_, path_);
  } else {
    failure = ::rename(name_.c_str(), path_.c_str()) == 0 ? 0 : errno;
  }
  if (failure != 0) return tl::unexpected(PublishFailure{Step::name, failure});
  name_.clear();
  failure = sync_directory(directory_of(path_));
  if (failure != 0) return tl::unexpected(PublishFailure{Step::directory, failure});
  return {};
}

Status write_file_durably(const std::string& path, const std::string& bytes, mode_t mode) {
  auto file = PendingFile::create(path, mode, PendingFile::Name::fixed);
  if (!file) return file_error("cannot write", path + ".new", file.error());
  const int failure = ::fchmod(file->fd(), mode) == 0 ? file->write(bytes) : errno;
  if (failure != 0) return file_error("cannot write", file->name(), failure);
  const auto published = file->publish(PendingFile::Existing::replace);
  if (published) return {};
  const auto [step, error] = published.error();
  switch (step) {
    case PublishFailure::Step::content:
      return file_error("cannot write", file->name(), error);
    case PublishFailure::Step::name:
      return file_error("cannot rename to", path, error);
    case PublishFailure::Step::directory:
      break;
  }
  return file_error("cannot sync", directory_of(path), error);
}

}  // namespace vault
