// The files of an archive (docs/archive.md): reads, walks, and writes them so that a crash at any point leaves only
// complete files. Paths are relative to the archive's directory. Nothing here knows what the files mean.
//
// Writing: a file is created in DIR/.unfinished, fsynced, and renamed to its place; sync() fsyncs the directories that
// got new names. So whatever is written after sync() has returned is newer on disk than everything before it:
// `checkpoint`, written last, never refers to files that are missing.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ledger/result.hpp"
#include "os/file_lines.hpp"

namespace vault {

// True if there is no way to look: no permission (`forbidden`), or the disk fails (`internal`); `field` is "file". Such
// an error says nothing about what the archive holds, unlike all others.
bool is_unreadable(const Error& error);

// A file that is read in pieces from its beginning.
class ArchiveFile {
 public:
  explicit ArchiveFile(UniqueFd fd) : fd_(std::move(fd)) {}
  // Appends at least one more byte to `out`; false at the end of the file. Error: is_unreadable(), without the path.
  Result<bool> read_more(std::string& out);

 private:
  UniqueFd fd_;
};

class ArchiveDirectory {
 public:
  // Error: invalid_argument if there is no such directory, is_unreadable() if it may not be entered.
  static Result<ArchiveDirectory> open(const std::string& path);

  const std::string& path() const { return path_; }
  bool has(const std::string& path) const;
  // The whole file; nullopt if it does not exist. Error: internal if it is not a regular file, or holds more than
  // `bytes_max`; is_unreadable() if it cannot be read.
  Result<std::optional<std::string>> read(const std::string& path, std::size_t bytes_max) const;
  Result<std::optional<ArchiveFile>> open_file(const std::string& path) const;
  // Reports every file below the directory by its path, in no particular order; `regular` is true for a regular file.
  // Symbolic links are not followed. Error: is_unreadable() naming the directory that cannot be read.
  Status walk(const std::function<void(const std::string& path, bool regular)>& file) const;

 private:
  friend class ArchiveWriter;
  ArchiveDirectory(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  Status walk_below(const std::string& path, int depth,
                    const std::function<void(const std::string&, bool)>& file) const;
  UniqueFd open_quietly_below(const std::string& path) const;

  std::string path_;
  UniqueFd fd_;
};

// Errors of everything below: invalid_argument if the directory cannot be made, is_unreadable() if it may not be
// written to, unavailable if a write fails (disk full, input/output error); all name the file.
class ArchiveWriter {
 public:
  enum class Readers : std::uint8_t { group, everyone };  // modes 0640 and 0644, less what umask takes away

  // Makes the directory if it is missing, and locks it: `busy` if another process is archiving into it. Removes
  // whatever an interrupted run has left in .unfinished.
  static Result<ArchiveWriter> open(const std::string& path, Readers readers);

  const ArchiveDirectory& directory() const { return directory_; }
  std::uint64_t files_written() const { return files_written_; }

  // Creates the file `path` with this content. Writes nothing if exactly that exists already. On disk after sync().
  Status put(const std::string& path, std::string_view content);
  // The same for a file that never changes: `internal` if it exists with other content.
  Status put_unchanging(const std::string& path, std::string_view content);
  // put() for content that arrives in pieces and may be large.
  Status begin(const std::string& path);
  Status append(std::string_view bytes);
  Status finish();
  // When this returns, everything that was put is on disk under its name.
  Status sync();
  // put() and sync() of one file after everything else: the archive's checkpoint. Removes .unfinished.
  Status put_last(const std::string& path, std::string_view content);

 private:
  struct Pending {
    UniqueFd fd;
    std::string temporary, path;
  };

  ArchiveWriter(ArchiveDirectory directory, Readers readers) : directory_(std::move(directory)), readers_(readers) {}
  Status prepare();
  Result<Pending> create(const std::string& path);
  Status put_new(const std::string& path, std::string_view content);
  Status write(const Pending& file, std::string_view bytes) const;
  Status keep(Pending file);
  Status publish_pending();
  Status make_directories(const std::string& path);

  ArchiveDirectory directory_;
  Readers readers_;
  std::vector<Pending> pending_;
  std::set<std::string> made_;     // directories known to exist
  std::set<std::string> changed_;  // directories with new names, not fsynced yet
  std::string path_, buffer_;      // of the file between begin() and finish()
  std::optional<Pending> large_;   // the same, once it no longer fits the buffer
  std::uint64_t counter_ = 0;
  std::uint64_t files_written_ = 0;
};

}  // namespace vault
