// A file system that forgets, on FUSE, for the tests of power losses. What it keeps is in forgetful_disk.hpp.
//
//   forgetful_fs [--names-with-files] MOUNTPOINT
//
// Says "mounted" once it is. Then a line on stdin is an order, and a line on stdout its answer:
//
//   fail             from now on every call fails with EIO, as on a disk that was pulled out
//   cut SEED KEEP    the power fails and comes back: what is durable is there, and of the rest each piece with a chance
//   of
//                    KEEP per mille. No file may be open. Answer: "cut BYTES_LOST NAMES_LOST PIECES_KEPT"
//
// It unmounts and ends when stdin does. The kernel caches nothing of it: what a program reads, comes from here.
#define FUSE_USE_VERSION 31
#include <fuse.h>
#include <linux/fs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>

#include "tests/faults/forgetful_disk.hpp"

namespace vault::faults {
namespace {

std::mutex mutex;
ForgetfulDisk* disk = nullptr;
bool failing = false;

// The state of an open file: an owner of its node, which may have lost its name.
NodePtr& node_of(const fuse_file_info* file) {
  return *reinterpret_cast<NodePtr*>(file->fh);
}

// Runs `call` exclusively; EIO if the disk has failed.
template <class Call>
int alone(Call call) {
  const std::lock_guard lock(mutex);
  return failing ? -EIO : call();
}

template <class Call>
int with_node(const char* path, const fuse_file_info* file, Call call) {
  return alone([&] {
    const NodePtr node = file && file->fh ? node_of(file) : disk->find(path);
    return node ? call(node) : -ENOENT;
  });
}

int get_attributes(const char* path, struct stat* out, fuse_file_info* file) {
  return with_node(path, file, [&](const NodePtr& node) {
    std::memset(out, 0, sizeof *out);
    out->st_mode = node->mode;
    out->st_uid = node->uid;
    out->st_gid = node->gid;
    out->st_ino = node->number;
    out->st_nlink = node->is_directory() ? 2 : 1;
    out->st_size = static_cast<off_t>(node->bytes.size());
    out->st_blocks = static_cast<blkcnt_t>((node->bytes.size() + 511) / 512);
    out->st_atim = out->st_mtim = out->st_ctim = node->mtime;
    return 0;
  });
}

int make(const char* path, mode_t mode) {
  const fuse_context* who = fuse_get_context();
  return alone([&] { return disk->make(path, mode, who->uid, who->gid, nullptr); });
}
int make_directory(const char* path, mode_t mode) {
  return make(path, S_IFDIR | mode);
}
int make_node(const char* path, mode_t mode, dev_t) {
  return make(path, mode);
}
int make_symlink(const char* target, const char* path) {
  const fuse_context* who = fuse_get_context();
  return alone([&] {
    NodePtr made;
    const int result = disk->make(path, S_IFLNK | 0777, who->uid, who->gid, &made);
    if (result == 0) made->bytes = target;
    return result;
  });
}
int read_symlink(const char* path, char* out, std::size_t size) {
  return with_node(path, nullptr, [&](const NodePtr& node) {
    std::snprintf(out, size, "%s", node->bytes.c_str());
    return 0;
  });
}
int make_link(const char* from, const char* to) {
  return alone([&] { return disk->link(from, to); });
}
int unlink_file(const char* path) {
  return alone([&] { return disk->remove(path, false); });
}
int remove_directory(const char* path) {
  return alone([&] { return disk->remove(path, true); });
}
int rename_node(const char* from, const char* to, unsigned flags) {
  if ((flags & ~static_cast<unsigned>(RENAME_NOREPLACE)) != 0) return -EINVAL;
  return alone([&] { return disk->rename(from, to, flags != 0); });
}

int change_mode(const char* path, mode_t mode, fuse_file_info* file) {
  return with_node(path, file, [&](const NodePtr& node) {
    node->mode = (node->mode & S_IFMT) | (mode & ~static_cast<mode_t>(S_IFMT));
    return 0;
  });
}
int change_owner(const char* path, uid_t uid, gid_t gid, fuse_file_info* file) {
  return with_node(path, file, [&](const NodePtr& node) {
    if (uid != static_cast<uid_t>(-1)) node->uid = uid;
    if (gid != static_cast<gid_t>(-1)) node->gid = gid;
    return 0;
  });
}
int change_times(const char* path, const timespec times[2], fuse_file_info* file) {
  return with_node(path, file, [&](const NodePtr& node) {
    if (times[1].tv_nsec == UTIME_NOW) clock_gettime(CLOCK_REALTIME, &node->mtime);
    if (times[1].tv_nsec != UTIME_NOW && times[1].tv_nsec != UTIME_OMIT) node->mtime = times[1];
    return 0;
  });
}
int truncate_file(const char* path, off_t size, fuse_file_info* file) {
  return with_node(path, file, [&](const NodePtr& node) {
    disk->resize(*node, static_cast<std::size_t>(size));
    return 0;
  });
}
int allocate(const char* path, int mode, off_t offset, off_t length, fuse_file_info* file) {
  if (mode != 0) return -EOPNOTSUPP;
  return with_node(path, file, [&](const NodePtr& node) {
    const auto end = static_cast<std::size_t>(offset + length);
    if (node->bytes.size() < end) disk->resize(*node, end);
    return 0;
  });
}

void give_handle(fuse_file_info* file, const NodePtr& node) {
  file->fh = reinterpret_cast<std::uint64_t>(new NodePtr(node));
  file->direct_io = 1;
}
int create_file(const char* path, mode_t mode, fuse_file_info* file) {
  const fuse_context* who = fuse_get_context();
  return alone([&] {
    NodePtr made;
    const int result = disk->make(path, S_IFREG | mode, who->uid, who->gid, &made);
    if (result == 0) give_handle(file, made);
    return result;
  });
}
int open_file(const char* path, fuse_file_info* file) {
  file->fh = 0;
  return with_node(path, nullptr, [&](const NodePtr& node) {
    if ((file->flags & O_TRUNC) != 0) disk->resize(*node, 0);
    give_handle(file, node);
    return 0;
  });
}
int release_file(const char*, fuse_file_info* file) {
  const std::lock_guard lock(mutex);
  delete &node_of(file);
  return 0;
}
int read_file(const char* path, char* out, std::size_t size, off_t offset, fuse_file_info* file) {
  return with_node(path, file,
                   [&](const NodePtr& node) { return disk->read(*node, out, size, static_cast<std::size_t>(offset)); });
}
int write_file(const char* path, const char* bytes, std::size_t size, off_t offset, fuse_file_info* file) {
  return with_node(path, file, [&](const NodePtr& node) {
    return disk->write(*node, {bytes, size}, static_cast<std::size_t>(offset));
  });
}
int sync_file(const char* path, int, fuse_file_info* file) {
  return with_node(path, file, [](const NodePtr& node) {
    if (node->is_directory()) {
      disk->sync_directory(node);
    } else {
      disk->sync_file(node);
    }
    return 0;
  });
}
int list_directory(const char* path, void* out, fuse_fill_dir_t fill, off_t, fuse_file_info* file, fuse_readdir_flags) {
  return with_node(path, file, [&](const NodePtr& node) {
    for (const char* name : {".", ".."}) fill(out, name, nullptr, 0, fuse_fill_dir_flags{});
    for (const auto& [name, below] : node->names) {
      struct stat attributes {};
      attributes.st_ino = below->number;
      attributes.st_mode = below->mode;
      fill(out, name.c_str(), &attributes, 0, fuse_fill_dir_flags{});
    }
    return 0;
  });
}

// Obeys commands until stdin ends.
void obey(fuse* session) {
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    std::string order;
    words >> order;
    const std::lock_guard lock(mutex);
    if (order == "fail") {
      failing = true;
      std::cout << "failing" << std::endl;
    } else if (order == "cut") {
      std::uint64_t seed = 0;
      unsigned keep = 0;
      words >> seed >> keep;
      disk->cut(seed, keep);
      failing = false;
      std::cout << "cut " << disk->bytes_lost() << ' ' << disk->names_lost() << ' ' << disk->pieces_kept() << std::endl;
    } else {
      std::cout << "what?" << std::endl;
    }
  }
  fuse_exit(session);
  fuse_unmount(session);
}

void* begin(fuse_conn_info*, fuse_config* config) {
  config->entry_timeout = config->attr_timeout = config->negative_timeout = 0;
  config->use_ino = 1;
  config->hard_remove = 1;
  config->nullpath_ok = 0;
  return nullptr;
}

fuse_operations operations() {
  fuse_operations all{};
  all.init = begin;
  all.getattr = get_attributes;
  all.mkdir = make_directory;
  all.mknod = make_node;
  all.symlink = make_symlink;
  all.readlink = read_symlink;
  all.link = make_link;
  all.unlink = unlink_file;
  all.rmdir = remove_directory;
  all.rename = rename_node;
  all.chmod = change_mode;
  all.chown = change_owner;
  all.utimens = change_times;
  all.truncate = truncate_file;
  all.fallocate = allocate;
  all.create = create_file;
  all.open = open_file;
  all.release = release_file;
  all.read = read_file;
  all.write = write_file;
  all.fsync = sync_file;
  all.opendir = open_file;
  all.releasedir = release_file;
  all.readdir = list_directory;
  all.fsyncdir = sync_file;
  return all;
}

int run(int count, char** words) {
  const bool names_with_files = count == 3 && std::strcmp(words[1], "--names-with-files") == 0;
  if (count != (names_with_files ? 3 : 2)) {
    std::fprintf(stderr, "forgetful_fs [--names-with-files] MOUNTPOINT\n");
    return 2;
  }
  ForgetfulDisk own(names_with_files);
  disk = &own;
  fuse_args arguments = FUSE_ARGS_INIT(0, nullptr);
  fuse_opt_add_arg(&arguments, words[0]);
  fuse_opt_add_arg(&arguments, "-ofsname=forgetful,default_permissions,auto_unmount");
  // PostgreSQL runs as a user other than root, and only root may give others access without configuration.
  if (geteuid() == 0) fuse_opt_add_arg(&arguments, "-oallow_other");
  const fuse_operations all = operations();
  fuse* session = fuse_new(&arguments, &all, sizeof all, nullptr);
  if (!session || fuse_mount(session, words[count - 1]) != 0) return 1;
  std::cout << "mounted" << std::endl;
  std::thread orders(obey, session);
  fuse_loop(session);
  orders.join();
  fuse_destroy(session);
  fuse_opt_free_args(&arguments);
  return 0;
}

}  // namespace
}  // namespace vault::faults

int main(int count, char** words) {
  return vault::faults::run(count, words);
}
