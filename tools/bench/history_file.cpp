#include "tools/bench/history_file.hpp"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>

#include "version.hpp"

namespace vault::bench {

Result<HistoryFile> HistoryFile::open(const std::string& path) {
  UniqueFd file(::open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0644));
  struct stat found {};
  if (!file || fstat(file.get(), &found) != 0) {
    return fail(code_of_file_error(errno), path + ": " + std::strerror(errno));
  }
  if (!S_ISREG(found.st_mode)) return fail(ErrorCode::invalid_argument, path + ": not a regular file");
  return HistoryFile(std::move(file), path);
}

Status HistoryFile::append(nlohmann::json run) {
  run["measured_at"] = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
  run["version"] = version_text;
  const off_t size = lseek(file_.get(), 0, SEEK_END);
  char last = '\n';
  const bool cut_off = size > 0 && pread(file_.get(), &last, 1, size - 1) == 1 && last != '\n';
  std::string line = cut_off ? "\n" : "";
  line += run.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  line += '\n';
  if (const int error = write_all(file_.get(), line); error != 0) {
    return fail(code_of_file_error(error), path_ + ": " + std::strerror(error));
  }
  return {};
}

}  // namespace vault::bench
