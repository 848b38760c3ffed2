// A disk in memory that knows which of its data would survive a power failure: what was fsynced, and of the rest any
// subset that a seed chooses. It models what POSIX and Linux promise, and no more:
//
// - a file's bytes and its length are durable once fsync or fdatasync of that file has returned; before, each sector of
//   512 bytes that was written since may be the old or the new one, and so may the length;
// - a name (create, mkdir, link, unlink, rename) is durable once fsync of its directory has returned; before, it may
//   have happened or not. A rename happens whole or not at all, as in every journal;
// - with `names_with_files`, fsync of a file also makes its names durable, and those of its parent directories, as
//   ext4, XFS and btrfs do and PostgreSQL relies on. Without it, a directory that was not fsynced is lost with its
//   contents;
// - mode and owner are durable at once.
//
// Paths are absolute and have been resolved by the kernel. Errors are negative errno values. One thread at a time.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace vault::faults {

struct Node;
using NodePtr = std::shared_ptr<Node>;
using Names = std::map<std::string, NodePtr, std::less<>>;

struct Node {
  mode_t mode = 0;
  uid_t uid = 0;
  gid_t gid = 0;
  timespec mtime{};
  std::uint64_t number = 0;
  // A file, or a symbolic link's target.
  std::string bytes;
  std::map<std::size_t, std::string> before;  // by page: the disk's version of pages written to since
  std::size_t durable_size = 0;
  // A directory.
  Names names;          // as programs see them
  Names durable_names;  // as the disk has them
  bool is_directory() const { return S_ISDIR(mode); }
};

class ForgetfulDisk {
 public:
  explicit ForgetfulDisk(bool names_with_files);

  // nullptr if there is none.
  NodePtr find(std::string_view path) const;
  // The new node belongs to uid and gid. -EEXIST, -ENOENT, -ENOTDIR.
  int make(std::string_view path, mode_t mode, uid_t uid, gid_t gid, NodePtr* made);
  int link(std::string_view from, std::string_view to);
  int remove(std::string_view path, bool directory);
  // `keep`: with RENAME_NOREPLACE.
  int rename(std::string_view from, std::string_view to, bool keep);

  int read(const Node& node, char* out, std::size_t size, std::size_t offset) const;
  int write(Node& node, std::string_view bytes, std::size_t offset);
  void resize(Node& node, std::size_t size);

  void sync_file(const NodePtr& node);
  void sync_directory(const NodePtr& node);

  // The power fails. Each piece that is not durable survives with a probability of `keep_per_mille`.
  void cut(std::uint64_t seed, unsigned keep_per_mille);

  std::uint64_t bytes_lost() const { return bytes_lost_; }
  std::uint64_t names_lost() const { return names_lost_; }
  std::uint64_t pieces_kept() const { return pieces_kept_; }

 private:
  struct Binding {
    NodePtr directory;
    std::string name;
    NodePtr node;  // nullptr: the name is gone
  };
  using Change = std::vector<Binding>;  // happens whole or not at all

  struct Place {
    NodePtr directory;
    std::string name;
  };
  Place place_of(std::string_view path) const;
  void change(Change bindings);
  static void settle(const Change& bindings);
  void settle_names_of(const NodePtr& node);
  void remember(Node& node, std::size_t from, std::size_t to) const;
  void lose_bytes(Node& node, unsigned keep_per_mille);
  void survive(const NodePtr& node, unsigned keep_per_mille);

  bool names_with_files_;
  NodePtr root_;
  std::deque<Change> pending_;  // changes of names that are not durable, in their order
  std::uint64_t next_number_ = 1;
  std::mt19937_64 random_;
  std::uint64_t bytes_lost_ = 0, names_lost_ = 0, pieces_kept_ = 0;  // of the last cut
};

}  // namespace vault::faults
