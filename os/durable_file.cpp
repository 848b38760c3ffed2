#include "os/durable_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "os/file_descriptor.hpp"

namespace vault {
namespace {

// "" where there is nothing above that could be missing.
std::string parent_of(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

}  // namespace

int sync_directory(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return fd && ::fsync(fd.get()) == 0 ? 0 : errno;
}

int make_durable_directory(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) == 0) return sync_directory(path + "/..");
  if (errno == EEXIST) {
    // Whose parent cannot be opened or synced here, was made by somebody else.
    return sync_directory(path + "/..") == ENOTDIR ? ENOTDIR : 0;
  }
  const std::string parent = parent_of(path);
  if (errno != ENOENT || parent.empty()) return errno;
  if (const int failure = make_durable_directory(parent, mode); failure != 0) return failure;
  return ::mkdir(path.c_str(), mode) == 0 ? sync_directory(path + "/..") : errno;
}

}  // namespace vault
