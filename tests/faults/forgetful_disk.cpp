#include "tests/faults/forgetful_disk.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <set>

namespace vault::faults {
namespace {

constexpr std::size_t page_bytes = 4'096;
constexpr std::size_t sector_bytes = 512;

timespec now() {
  timespec time{};
  clock_gettime(CLOCK_REALTIME, &time);
  return time;
}

}  // namespace

ForgetfulDisk::ForgetfulDisk(bool names_with_files) : names_with_files_(names_with_files) {
  root_ = std::make_shared<Node>();
  root_->mode = S_IFDIR | 0777;
  root_->number = next_number_++;
  root_->mtime = now();
}

// --- Names -----------------------------------------------------------------------------------------------------------

NodePtr ForgetfulDisk::find(std::string_view path) const {
  NodePtr node = root_;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view name = path.substr(0, slash);
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    if (name.empty()) continue;
    const auto found = node->names.find(name);
    if (found == node->names.end()) return nullptr;
    node = found->second;
  }
  return node;
}

ForgetfulDisk::Place ForgetfulDisk::place_of(std::string_view path) const {
  const std::size_t slash = path.rfind('/');
  return {find(path.substr(0, slash)), std::string(path.substr(slash + 1))};
}

void ForgetfulDisk::change(Change bindings) {
  for (const Binding& one : bindings) {
    one.directory->mtime = now();
    if (one.node) {
      one.directory->names[one.name] = one.node;
    } else {
      one.directory->names.erase(one.name);
    }
  }
  pending_.push_back(std::move(bindings));
}

int ForgetfulDisk::make(std::string_view path, mode_t mode, uid_t uid, gid_t gid, NodePtr* made) {
  const Place place = place_of(path);
  if (!place.directory) return -ENOENT;
  if (!place.directory->is_directory()) return -ENOTDIR;
  if (place.directory->names.contains(place.name)) return -EEXIST;
  auto node = std::make_shared<Node>();
  node->mode = mode;
  node->uid = uid;
  node->gid = gid;
  node->mtime = now();
  node->number = next_number_++;
  if (made) *made = node;
  change({{place.directory, place.name, node}});
  return 0;
}

int ForgetfulDisk::link(std::string_view from, std::string_view to) {
  const NodePtr node = find(from);
  const Place place = place_of(to);
  if (!node || !place.directory) return -ENOENT;
  if (place.directory->names.contains(place.name)) return -EEXIST;
  change({{place.directory, place.name, node}});
  return 0;
}

int ForgetfulDisk::remove(std::string_view path, bool directory) {
  const NodePtr node = find(path);
  if (!node) return -ENOENT;
  if (directory != node->is_directory()) return directory ? -ENOTDIR : -EISDIR;
  if (!node->names.empty()) return -ENOTEMPTY;
  const Place place = place_of(path);
  change({{place.directory, place.name, nullptr}});
  return 0;
}

int ForgetfulDisk::rename(std::string_view from, std::string_view to, bool keep) {
  const NodePtr node = find(from);
  const Place source = place_of(from), target = place_of(to);
  if (!node || !target.directory) return -ENOENT;
  const NodePtr there = find(to);
  if (there && keep) return -EEXIST;
  if (there == node) return 0;
  if (there && there->is_directory() && !node->is_directory()) return -EISDIR;
  if (there && !there->is_directory() && node->is_directory()) return -ENOTDIR;
  if (there && !there->names.empty()) return -ENOTEMPTY;
  change({{source.directory, source.name, nullptr}, {target.directory, target.name, node}});
  return 0;
}

// --- Bytes -----------------------------------------------------------------------------------------------------------

int ForgetfulDisk::read(const Node& node, char* out, std::size_t size, std::size_t offset) const {
  if (offset >= node.bytes.size()) return 0;
  const std::size_t count = std::min(size, node.bytes.size() - offset);
  std::memcpy(out, node.bytes.data() + offset, count);
  return static_cast<int>(count);
}

// Keeps the disk's version of the pages that touch [from, to), unless it is kept already.
void ForgetfulDisk::remember(Node& node, std::size_t from, std::size_t to) const {
  const std::size_t end = std::min(to, node.durable_size);
  for (std::size_t page = from / page_bytes; page * page_bytes < end; ++page) {
    if (node.before.contains(page)) continue;
    const std::size_t at = page * page_bytes;
    node.before[page] = at < node.bytes.size() ? node.bytes.substr(at, page_bytes) : std::string();
  }
}

int ForgetfulDisk::write(Node& node, std::string_view bytes, std::size_t offset) {
  remember(node, offset, offset + bytes.size());
  if (node.bytes.size() < offset + bytes.size()) node.bytes.resize(offset + bytes.size());
  std::memcpy(node.bytes.data() + offset, bytes.data(), bytes.size());
  node.mtime = now();
  return static_cast<int>(bytes.size());
}

void ForgetfulDisk::resize(Node& node, std::size_t size) {
  if (size < node.bytes.size()) remember(node, size, node.bytes.size());
  node.bytes.resize(size);
  node.mtime = now();
}

// --- Made durable ----------------------------------------------------------------------------------------------------

void ForgetfulDisk::settle(const Change& bindings) {
  for (const Binding& one : bindings) {
    if (one.node) {
      one.directory->durable_names[one.name] = one.node;
    } else {
      one.directory->durable_names.erase(one.name);
    }
  }
}

// Settles changes of this directory, and earlier ones in other directories that they touch: their order is kept.
void ForgetfulDisk::sync_directory(const NodePtr& node) {
  std::set<const Node*> touched{node.get()};
  std::vector<bool> due(pending_.size());
  for (std::size_t i = pending_.size(); i-- > 0;) {
    due[i] = std::any_of(pending_[i].begin(), pending_[i].end(),
                         [&](const Binding& one) { return touched.contains(one.directory.get()); });
    if (!due[i]) continue;
    for (const Binding& one : pending_[i]) touched.insert(one.directory.get());
  }
  std::deque<Change> left;
  for (std::size_t i = 0; i < pending_.size(); ++i) {
    if (due[i]) {
      settle(pending_[i]);
    } else {
      left.push_back(std::move(pending_[i]));
    }
  }
  pending_ = std::move(left);
}

// The directories in which the node got a name that is not durable yet, and their parents.
void ForgetfulDisk::settle_names_of(const NodePtr& node) {
  std::vector<NodePtr> parents;
  for (const Change& change : pending_) {
    for (const Binding& one : change) {
      if (one.node == node) parents.push_back(one.directory);
    }
  }
  for (const NodePtr& parent : parents) {
    sync_directory(parent);
    settle_names_of(parent);
  }
}

void ForgetfulDisk::sync_file(const NodePtr& node) {
  node->before.clear();
  node->durable_size = node->bytes.size();
  if (names_with_files_) settle_names_of(node);
}

// --- The power fails -------------------------------------------------------------------------------------------------

void ForgetfulDisk::lose_bytes(Node& node, unsigned keep_per_mille) {
  const auto keep = [&] {
    const bool kept = random_() % 1'000 < keep_per_mille;
    if (kept) ++pieces_kept_;
    return kept;
  };
  if (node.before.empty() && node.bytes.size() == node.durable_size) return;
  const std::size_t live_size = node.bytes.size();
  const std::size_t size = live_size == node.durable_size || keep() ? live_size : node.durable_size;
  // As large as both; bytes that were cut off come back from `before`.
  std::string after = node.bytes;
  after.resize(std::max(live_size, node.durable_size));
  for (const auto& [page, old] : node.before) {
    for (std::size_t at = 0; at < old.size(); at += sector_bytes) {
      const std::size_t place = page * page_bytes + at;
      const std::size_t count = std::min(sector_bytes, old.size() - at);
      if (place < live_size && keep()) continue;
      bytes_lost_ += place < live_size ? count : 0;
      std::memcpy(after.data() + place, old.data() + at, count);
      // The rest of the sector goes with it: nothing was there before.
      const std::size_t end = std::min(place + sector_bytes, after.size());
      if (place + count < end) std::memset(after.data() + place + count, 0, end - place - count);
    }
  }
  // Bytes written after the durable end: either they are there, or nothing is.
  const std::size_t first = (node.durable_size + sector_bytes - 1) / sector_bytes * sector_bytes;
  for (std::size_t place = std::max(node.durable_size, std::min(first, live_size)); place < live_size;
       place += sector_bytes) {
    if (keep()) continue;
    const std::size_t count = std::min(sector_bytes, live_size - place);
    bytes_lost_ += count;
    std::memset(after.data() + place, 0, count);
  }
  after.resize(size);
  node.bytes = std::move(after);
  node.before.clear();
  node.durable_size = size;
}

void ForgetfulDisk::survive(const NodePtr& node, unsigned keep_per_mille) {
  if (S_ISREG(node->mode)) lose_bytes(*node, keep_per_mille);
  if (!node->is_directory()) return;
  node->names = node->durable_names;
  for (const auto& [name, below] : node->names) survive(below, keep_per_mille);
}

void ForgetfulDisk::cut(std::uint64_t seed, unsigned keep_per_mille) {
  random_.seed(seed);
  bytes_lost_ = names_lost_ = pieces_kept_ = 0;
  for (const Change& change : pending_) {
    if (random_() % 1'000 < keep_per_mille) {
      ++pieces_kept_;
      settle(change);
    } else {
      ++names_lost_;
    }
  }
  pending_.clear();
  survive(root_, keep_per_mille);
}

}  // namespace vault::faults
