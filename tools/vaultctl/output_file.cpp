#include "tools/vaultctl/output_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "tools/common/files.hpp"

namespace vault::ctl {
namespace {

tl::unexpected<Error> cannot_open(const std::string& path, int cause) {
  return cannot("write", path, cause, "output");
}

tl::unexpected<Error> cannot_write(const std::string& path, int cause) {
  return fail(ErrorCode::internal, "cannot write " + path + ": " + std::strerror(cause));
}

}  // namespace

void add_output(CLI::App& command, OutputOptions& options, const std::string& help) {
  command.add_option("-o,--output", options.path, help)->type_name("FILE");
  command.add_flag("--force", options.force, "Replace FILE where it is there already");
}

Result<OutputFile> OutputFile::open(const OutputOptions& options, mode_t mode) {
  if (options.path.empty()) return OutputFile(Kind::none, options);
  if (options.path == "-") return OutputFile(Kind::standard_output, options);
  struct stat info {};
  if (::stat(options.path.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) {
    OutputFile output(Kind::device, options);
    output.device_ = UniqueFd(::open(options.path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!output.device_) return cannot_open(options.path, errno);
    return output;
  }
  if (!options.force && ::lstat(options.path.c_str(), &info) == 0) {  // a link that leads nowhere is there too
    return fail(ErrorCode::invalid_argument,
                options.path + " exists already and is not overwritten; --force replaces it", "output");
  }
  auto file = PendingFile::create(options.path, mode, PendingFile::Name::unique);
  if (!file) return cannot_open(options.path, file.error());
  OutputFile output(Kind::file, options);
  output.file_.emplace(std::move(*file));
  return output;
}

Status OutputFile::write_to_device(std::string_view content) {
  int failure = write_all(device_.get(), content);
  if (::close(device_.release()) != 0 && failure == 0) failure = errno;
  return failure == 0 ? Status{} : cannot_write(path_, failure);
}

Status OutputFile::write(std::string_view content) {
  if (kind_ == Kind::none) return {};
  if (kind_ == Kind::standard_output) {
    std::fwrite(content.data(), 1, content.size(), stdout);
    return {};
  }
  if (kind_ == Kind::device) return write_to_device(content);
  if (const int failure = file_->write(content); failure != 0) return cannot_write(path_, failure);
  const auto published = file_->publish(force_ ? PendingFile::Existing::replace : PendingFile::Existing::keep);
  if (published) return {};
  const auto [step, error] = published.error();
  if (step != PublishFailure::Step::directory) return cannot_write(path_, error);
  return fail(ErrorCode::internal, "cannot make " + path_ + " durable: " + std::strerror(error));
}

}  // namespace vault::ctl
