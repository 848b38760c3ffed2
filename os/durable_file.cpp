#include "os/durable_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "os/file_descriptor.hpp"

namespace vault {
namespace {

// "" if no directory above it could be missing.
std::string parent_of(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
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

Status write_file_durably(const std::string& path, const std::string& bytes, mode_t mode) {
  const std::string temporary = path + ".new";
  UniqueFd file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
  if (!file) return file_error("cannot write", temporary, errno);
  int failure = ::fchmod(file.get(), mode) == 0 ? write_all(file.get(), bytes) : errno;
  if (failure == 0 && ::fsync(file.get()) != 0) failure = errno;
  if (::close(file.release()) != 0 && failure == 0) failure = errno;
  if (failure != 0) return file_error("cannot write", temporary, failure);
  if (::rename(temporary.c_str(), path.c_str()) != 0) return file_error("cannot rename to", path, errno);
  const std::string directory = parent_of(path);
  failure = sync_directory(directory.empty() ? (path.starts_with('/') ? "/" : ".") : directory);
  return failure == 0 ? Status{} : file_error("cannot sync", directory, failure);
}

}  // namespace vault
