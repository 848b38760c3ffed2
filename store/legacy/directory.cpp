#include "store/legacy/directory.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "ledger/sha256.hpp"
#include "os/whole_file.hpp"

namespace vault {
namespace {

constexpr const char* ledger_file = "ledger.jsonl";
constexpr const char* inner_directory = "BBB_LEDGER";
constexpr const char* refusal_file = "refusal_audit.jsonl";
constexpr const char* entries_directory = "entries";

std::string reason_of(int error) {
  return std::strerror(error);
}

tl::unexpected<Error> refuse(const std::string& what) {
  return fail(ErrorCode::invalid_argument, what, "directory");
}

// The names in a directory except . and .., sorted; takes ownership of the descriptor. 0, or errno.
int read_names(UniqueFd fd, std::vector<std::string>& out) {
  DIR* const directory = ::fdopendir(fd.get());
  if (directory == nullptr) return errno;
  fd.release();
  errno = 0;
  while (const dirent* entry = ::readdir(directory)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") out.push_back(name);
    errno = 0;
  }
  const int failure = errno;
  ::closedir(directory);
  std::sort(out.begin(), out.end());
  return failure;
}

// Opens a directory below another; returns why it cannot, in words, or "".
std::string open_below(int parent, const std::string& name, UniqueFd& out) {
  out = open_quietly(parent, name, O_DIRECTORY | O_NOFOLLOW);
  if (out) return {};
  struct stat info {};
  const int failure = errno;
  if (::fstatat(parent, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(info.st_mode)) {
    return "a symbolic link, which is not followed: put the directory itself there";
  }
  return failure == ENOTDIR ? "not a directory" : "cannot be opened: " + reason_of(failure);
}

bool has(const std::vector<std::string>& names, const char* name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Names with a leading dot are not records but unfinished files of the emergency mode or an editor's leftovers.
bool is_hidden(const std::string& name) {
  return name.front() == '.';
}

}  // namespace

std::size_t LegacyDirectory::HashOfHash::operator()(const Hash& hash) const {
  std::size_t out = 0;
  std::memcpy(&out, hash.data(), sizeof out);  // any bytes of a digest will do
  return out;
}

Result<LegacyDirectory> LegacyDirectory::open(const std::string& path) {
  LegacyDirectory out;
  out.root_ = open_quietly(AT_FDCWD, path, O_DIRECTORY);
  if (!out.root_) return refuse(fmt::format("cannot open the directory {}: {}", path, reason_of(errno)));
  std::vector<std::string> names;
  if (const int failure = read_names(open_quietly(out.root_.get(), ".", O_DIRECTORY), names); failure != 0) {
    return refuse(fmt::format("cannot list the directory {}: {}", path, reason_of(failure)));
  }
  if (!has(names, ledger_file) && !has(names, inner_directory)) {
    const bool one_below = has(names, "VAULT999");
    return refuse(fmt::format("{} is not a filesystem vault: neither {} nor {} is in it{}", path, ledger_file,
                              inner_directory, one_below ? "; is " + path + "/VAULT999 meant?" : ""));
  }
  for (const std::string& name : names) {
    if (name != ledger_file && name != inner_directory) out.ignored_.push_back(name);
  }
  out.list_root();
  std::sort(out.ignored_.begin(), out.ignored_.end());
  return out;
}

void LegacyDirectory::report(const std::string& source, std::string reason) {
  problems_.push_back({source, 0, std::move(reason)});
}

void LegacyDirectory::list_root() {
  UniqueFd inner;
  struct stat info {};
  if (::fstatat(root_.get(), inner_directory, &info, AT_SYMLINK_NOFOLLOW) == 0) {
    std::vector<std::string> names;
    std::string reason = open_below(root_.get(), inner_directory, inner);
    if (reason.empty()) {
      const int failure = read_names(open_quietly(inner.get(), ".", O_DIRECTORY), names);
      if (failure != 0) reason = "cannot be listed: " + reason_of(failure);
    }
    if (!reason.empty()) report(inner_directory, reason);
    const std::string prefix = std::string(inner_directory) + "/";
    for (const std::string& name : names) {
      if (name != refusal_file && name != entries_directory) ignored_.push_back(prefix + name);
    }
    if (has(names, entries_directory)) list_entries(inner.get());
    if (has(names, refusal_file)) add_file(inner.get(), prefix, refusal_file, LegacyKind::refusal);
  }
  if (::fstatat(root_.get(), ledger_file, &info, AT_SYMLINK_NOFOLLOW) == 0) {
    add_file(root_.get(), "", ledger_file, LegacyKind::ledger);
  }
}

void LegacyDirectory::list_entries(int parent) {
  const std::string prefix = fmt::format("{}/{}/", inner_directory, entries_directory);
  UniqueFd entries;
  std::vector<std::string> names;
  std::string reason = open_below(parent, entries_directory, entries);
  if (reason.empty()) {
    const int failure = read_names(open_quietly(entries.get(), ".", O_DIRECTORY), names);
    if (failure != 0) reason = "cannot be listed: " + reason_of(failure);
  }
  if (!reason.empty()) return report(prefix.substr(0, prefix.size() - 1), reason);
  for (const std::string& name : names) {
    if (!is_hidden(name) && name.ends_with(".json")) {
      add_file(entries.get(), prefix, name, LegacyKind::session);
    } else if (!is_hidden(name) && name.ends_with(".md")) {
      add_file(entries.get(), prefix, name, LegacyKind::markdown);
    } else {
      ignored_.push_back(prefix + name);
    }
  }
  std::stable_sort(files_.begin(), files_.end(),
                   [](const File& a, const File& b) { return a.modified_ns < b.modified_ns; });
}

void LegacyDirectory::add_file(int directory, const std::string& prefix, const std::string& name, LegacyKind kind) {
  struct stat info {};
  const std::string source = prefix + name;
  if (::fstatat(directory, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    return report(source, "cannot be read: " + reason_of(errno));
  }
  if (S_ISLNK(info.st_mode)) return report(source, "a symbolic link, which is not followed: put the file itself there");
  if (!S_ISREG(info.st_mode)) return report(source, "not a regular file");
  const std::int64_t modified = std::int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec;
  files_.push_back({kind, source, modified, static_cast<std::uint64_t>(info.st_size)});
  bytes_total_ += files_.back().bytes;
}

LegacyItem LegacyDirectory::read_whole(const File& file) {
  const auto refused = [&](std::string reason) {
    return LegacyItem{std::nullopt, LegacyProblem{file.source, 0, std::move(reason)}};
  };
  bytes_done_ += file.bytes;
  const UniqueFd fd = open_quietly(root_.get(), file.source, O_NOFOLLOW);
  if (!fd) return refused("cannot be opened: " + reason_of(errno));
  std::string bytes;
  const int failure = read_to_end(fd.get(), legacy_record_bytes_max, bytes);
  if (failure == EFBIG) {
    return refused(fmt::format("larger than {} bytes, which is the most that can be sealed", legacy_record_bytes_max));
  }
  if (failure != 0) return refused("cannot be read: " + reason_of(failure));
  return read_legacy_record({file.kind, file.source, 0}, bytes);
}

bool LegacyDirectory::open_lines(const File& file) {
  UniqueFd fd = open_quietly(root_.get(), file.source, O_NOFOLLOW);
  if (!fd) {
    report(file.source, "cannot be opened: " + reason_of(errno));
    bytes_done_ += file.bytes;
    return false;
  }
  lines_ = std::make_unique<FileLines>(std::move(fd), legacy_record_bytes_max);
  place_ = {file.kind, file.source, 0};
  seen_.clear();
  return true;
}

// One record or problem from the file of lines; nullopt at its end.
std::optional<LegacyItem> LegacyDirectory::next_line() {
  while (true) {
    const std::uint64_t before = lines_->bytes_read();
    const auto line = lines_->next();
    bytes_done_ += lines_->bytes_read() - before;
    if (!line) {
      if (lines_->failure() != 0) {
        problems_.push_back({place_.source, lines_->number() + 1, "cannot be read: " + reason_of(lines_->failure())});
      }
      lines_.reset();
      return std::nullopt;
    }
    place_.line = lines_->number();
    const auto refused = [&](std::string reason) {
      return LegacyItem{std::nullopt, LegacyProblem{place_.source, place_.line, std::move(reason)}};
    };
    if (line->too_long) {
      return refused(
          fmt::format("longer than {} bytes, which is the most that can be sealed", legacy_record_bytes_max));
    }
    if (line->bytes.find_first_not_of(" \t\r") == std::string::npos) continue;
    const auto [found, is_new] = seen_.emplace(sha256(line->bytes), place_.line);
    if (!is_new)
      return refused(fmt::format("a duplicate: identical to line {}, and one record with it", found->second));
    return read_legacy_record(place_, line->bytes);
  }
}

std::optional<LegacyItem> LegacyDirectory::next() {
  while (true) {
    if (lines_) {
      if (auto item = next_line()) return item;
    }
    if (!problems_.empty()) {
      LegacyItem item{std::nullopt, std::move(problems_.front())};
      problems_.pop_front();
      return item;
    }
    if (at_ == files_.size()) return std::nullopt;
    const File& file = files_[at_++];
    const bool of_lines = file.kind == LegacyKind::refusal || file.kind == LegacyKind::ledger;
    if (!of_lines) return read_whole(file);
    (void)open_lines(file);
  }
}

}  // namespace vault
