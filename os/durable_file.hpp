// Files and directories that survive a power failure. A new name is durable only once the directory that holds it has
// been fsynced. If a directory's own name is lost, so are the files in it, however often they were fsynced.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "ledger/result.hpp"
#include "os/file_descriptor.hpp"

namespace vault {

// fsync of a directory. 0, or errno.
int sync_directory(const std::string& path);

// Makes a directory and its missing parents, each durable in its parent before anything is made in it; `mode` as for
// mkdir. A directory that already exists is made durable too, if its parent may be opened: the process that made it may
// have died before it did so. 0, or errno (ENOTDIR if something else has the name).
int make_durable_directory(const std::string& path, mode_t mode);

// Renames a finished file, never replacing another one, without a race; both names are relative to `directory`. File
// systems that cannot rename this way (NFS) can link. 0, EEXIST if there is a file of the new name, or errno.
int rename_to_new_name(int directory, const std::string& from, const std::string& to);

// Why a PendingFile could not be published.
struct PublishFailure {
  enum class Step : std::uint8_t {
    content,    // its content is not durable
    name,       // it could not be given its name: EEXIST where a file may not be replaced
    directory,  // it has its name, but the name is not durable
  };
  Step step;
  int error;  // errno
};

// A file that is made beside its place, filled, and given its name once it is whole. It is removed if it does not come
// to that.
class PendingFile {
 public:
  enum class Name : std::uint8_t {
    fixed,   // path.new, overwritten if a crash has left one: for a directory that one process writes to
    unique,  // path.new.PID.N: several processes may write to one place
  };
  enum class Existing : std::uint8_t { replace, keep };

  // `mode` as for open(). Error: errno.
  static tl::expected<PendingFile, int> create(const std::string& path, mode_t mode, Name name);
  PendingFile(PendingFile&& other) noexcept
      : fd_(std::move(other.fd_)), path_(std::move(other.path_)), name_(std::exchange(other.name_, {})) {}
  PendingFile& operator=(PendingFile&&) = delete;
  ~PendingFile();

  int fd() const { return fd_.get(); }                                       // to change owner and mode
  const std::string& name() const { return name_; }                          // where it is until it is published
  int write(std::string_view bytes) { return write_all(fd_.get(), bytes); }  // 0 or errno
  // Call once. Fsyncs the content, gives it its name, and fsyncs the directory. With Existing::keep no file is ever
  // replaced.
  tl::expected<void, PublishFailure> publish(Existing existing);

 private:
  PendingFile(UniqueFd fd, std::string path, std::string name)
      : fd_(std::move(fd)), path_(std::move(path)), name_(std::move(name)) {}

  UniqueFd fd_;
  std::string path_;
  std::string name_;  // "": there is nothing to remove
};

// Replaces or creates a file: after a crash it holds either its old contents or all of `bytes`. A PendingFile
// with a fixed name; its mode is exactly `mode`. Error: internal naming the path.
Status write_file_durably(const std::string& path, const std::string& bytes, mode_t mode);

}  // namespace vault
