#include "tools/vaultctl/output_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "tools/common/files.hpp"

namespace vault::ctl {
namespace {

tl::unexpected<Error> cannot_open(const std::string& path, int cause) {
  return fail(ErrorCode::invalid_argument, "cannot write " + path + ": " + std::strerror(cause), "output");
}

}  // namespace

void add_output(CLI::App& command, OutputOptions& options, const std::string& help) {
  command.add_option("-o,--output", options.path, help)->type_name("FILE");
  command.add_flag("--force", options.force, "Replace FILE where it is there already");
}

Result<OutputFile> OutputFile::open(const OutputOptions& options, mode_t mode) {
  if (options.path.empty()) return OutputFile(Kind::none, "");
  if (options.path == "-") return OutputFile(Kind::standard_output, "-");
  struct stat info {};
  const bool there = ::stat(options.path.c_str(), &info) == 0;
  if (there && !S_ISREG(info.st_mode)) {
    OutputFile file(Kind::device, options.path);
    file.fd_ = ::open(options.path.c_str(), O_WRONLY | O_CLOEXEC);
    if (file.fd_ < 0) return cannot_open(options.path, errno);
    return file;
  }
  OutputFile file(there && options.force ? Kind::replacing : Kind::created, options.path);
  if (file.kind_ == Kind::replacing) {
    std::string beside = options.path + ".XXXXXX";
    file.fd_ = ::mkostemp(beside.data(), O_CLOEXEC);
    if (file.fd_ < 0) return cannot_open(options.path, errno);
    file.made_ = beside;
    if (::fchmod(file.fd_, mode) != 0) return cannot_open(options.path, errno);
    return file;
  }
  file.fd_ = ::open(options.path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (file.fd_ < 0 && errno == EEXIST) {
    return fail(ErrorCode::invalid_argument,
                options.path + " exists already and is not overwritten; --force replaces it", "output");
  }
  if (file.fd_ < 0) return cannot_open(options.path, errno);
  file.made_ = options.path;
  return file;
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : kind_(other.kind_),
      path_(std::move(other.path_)),
      made_(std::exchange(other.made_, {})),
      fd_(std::exchange(other.fd_, -1)) {}

OutputFile::~OutputFile() {
  if (fd_ >= 0) ::close(fd_);
  if (!made_.empty()) ::unlink(made_.c_str());
}

Status OutputFile::write(std::string_view content) {
  if (kind_ == Kind::none) return {};
  if (kind_ == Kind::standard_output) {
    std::fwrite(content.data(), 1, content.size(), stdout);
    return {};
  }
  int failure = write_sync_close(std::exchange(fd_, -1), content, kind_ != Kind::device);
  if (failure == 0 && kind_ == Kind::replacing && ::rename(made_.c_str(), path_.c_str()) != 0) failure = errno;
  if (failure != 0) return fail(ErrorCode::internal, "cannot write " + path_ + ": " + std::strerror(failure));
  made_.clear();
  if (kind_ != Kind::device && (failure = sync_directory_of(path_)) != 0) {
    return fail(ErrorCode::internal, "cannot make " + path_ + " durable: " + std::strerror(failure));
  }
  return {};
}

}  // namespace vault::ctl
