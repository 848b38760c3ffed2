// A filesystem vault on disk (docs/legacy.md), read record by record:
//
//   ledger.jsonl                       kind ledger, a record a line
//   BBB_LEDGER/refusal_audit.jsonl     kind refusal, a record a line
//   BBB_LEDGER/entries/*.json          kind session or emergency, a record a file
//   BBB_LEDGER/entries/*.md            kind markdown, a record a file
//
// Only ever reads: no file is made, and access times stay where the system allows that (O_NOATIME: for the files' owner
// and root). Symbolic links below the directory are not followed but reported, so that a link cannot bring files from
// elsewhere into the ledger.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "ledger/limits.hpp"
#include "ledger/result.hpp"
#include "os/file_lines.hpp"
#include "store/legacy/record.hpp"

namespace vault {

// A record is sealed whole, so it can be no larger than a seal, plus what the emergency mode writes around one.
inline constexpr std::size_t legacy_record_bytes_max = limits::seal_bytes_max + 8'192;

class LegacyDirectory {
 public:
  // Lists the directory's files; needs memory for their names, not for their contents. Files of entries/ come first,
  // oldest first by modification time, then refusals, then ledger.jsonl. Error: invalid_argument (no such directory,
  // not readable, or it contains neither ledger.jsonl nor BBB_LEDGER).
  static Result<LegacyDirectory> open(const std::string& path);
  LegacyDirectory(LegacyDirectory&&) = default;
  LegacyDirectory& operator=(LegacyDirectory&&) = default;

  // The next record or problem; nullopt at the end. A repeated line of a file is reported as a problem.
  std::optional<LegacyItem> next();

  std::uint64_t bytes_total() const { return bytes_total_; }
  std::uint64_t bytes_done() const { return bytes_done_; }
  // Files and directories that are not part of a vault's format: left alone. Paths relative to the directory, sorted.
  const std::vector<std::string>& ignored() const { return ignored_; }

 private:
  struct File {
    LegacyKind kind = LegacyKind::session;
    std::string source;
    std::int64_t modified_ns = 0;
    std::uint64_t bytes = 0;
  };
  LegacyDirectory() = default;

  void list_root();
  void list_entries(int parent);
  void add_file(int directory, const std::string& prefix, const std::string& name, LegacyKind kind);
  void report(const std::string& source, std::string reason);
  LegacyItem read_whole(const File& file);
  bool open_lines(const File& file);
  std::optional<LegacyItem> next_line();

  UniqueFd root_;
  std::vector<File> files_;
  std::size_t at_ = 0;  // the next file
  std::deque<LegacyProblem> problems_;
  std::vector<std::string> ignored_;
  std::uint64_t bytes_total_ = 0, bytes_done_ = 0;

  // The file of lines that is being read, and the lines read so far: hash -> line.
  std::unique_ptr<FileLines> lines_;
  LegacyPlace place_;
  struct HashOfHash {
    std::size_t operator()(const Hash& hash) const;
  };
  std::unordered_map<Hash, std::int64_t, HashOfHash> seen_;
};

}  // namespace vault
