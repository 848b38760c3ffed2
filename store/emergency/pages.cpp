// Pages of seals from the emergency mode's directory: an index of the files' contents, kept in step with the directory.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <limits>
#include <set>
#include <string_view>
#include <utility>

#include "os/clock.hpp"
#include "store/emergency/directory.hpp"

namespace vault {
namespace {

constexpr std::int64_t nanos_a_second = 1'000'000'000;
constexpr std::string_view extension = ".json";

std::int64_t nanos(const timespec& time) {
  return std::int64_t{time.tv_sec} * nanos_a_second + time.tv_nsec;
}

// The members needed to decide whether a seal matches a query; names only as hashes, so that an item is small.
struct Item {
  Timestamp timestamp;
  Uuid seal_id;
  std::size_t session = 0, authority = 0;
  Verdict verdict = Verdict::seal;

  friend bool operator<(const Item& a, const Item& b) {
    return std::pair(a.timestamp, a.seal_id) < std::pair(b.timestamp, b.seal_id);
  }
};

std::size_t hash_of(const std::string& name) {
  return std::hash<std::string>{}(name);
}

class DirectoryReader final : public EmergencyReaderStore {
 public:
  explicit DirectoryReader(UniqueFd entries) : entries_(std::move(entries)) {}

  Result<std::optional<KeptSeal>> find(const Uuid& seal_id) override {
    auto seal = read_kept_seal(entries_.get(), seal_id);
    if (!seal && seal.error().code == ErrorCode::seal_id_conflict) return std::nullopt;  // an old record
    if (!seal) note(seal_id, seal.error());
    return seal;
  }

  Result<KeptPage> page(const PageRequest& request) override {
    if (const Status fresh = refresh(); !fresh) return tl::unexpected(fresh.error());
    constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
    constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
    const bool ascending = request.order == Order::ascending;
    std::int64_t from = request.from ? request.from->micros : least;
    std::int64_t to = request.to ? request.to->micros : most;  // exclusive
    if (request.cursor && ascending && *request.cursor < most) from = std::max(from, *request.cursor + 1);
    if (request.cursor && !ascending) to = std::min(to, *request.cursor);
    const auto before = [](const Item& item, std::int64_t micros) { return item.timestamp.micros < micros; };
    const auto begin = std::lower_bound(index_.begin(), index_.end(), from, before);
    const auto end = std::max(begin, std::lower_bound(index_.begin(), index_.end(), to, before));
    return ascending ? collect(request, begin, end)
                     : collect(request, std::make_reverse_iterator(end), std::make_reverse_iterator(begin));
  }

  std::vector<std::string> take_problems() override { return std::exchange(problems_, {}); }

 private:
  static bool may_match(const Item& item, const PageRequest& request) {
    return (!request.verdict || item.verdict == *request.verdict) &&
           (!request.session_id || item.session == hash_of(*request.session_id)) &&
           (!request.authority || item.authority == hash_of(*request.authority));
  }

  template <class Iterator>
  Result<KeptPage> collect(const PageRequest& request, Iterator at, Iterator end) {
    KeptPage page;
    std::size_t bytes = 0;
    for (; at != end; ++at) {
      if (!may_match(*at, request)) continue;
      const bool full = page.seals.size() >= request.limit || bytes >= limits::page_bytes_max;
      if (full && page.seals.back().timestamp != at->timestamp) {
        page.next_cursor = page.seals.back().timestamp.micros;
        return page;
      }
      auto seal = find(at->seal_id);
      if (!seal) return tl::unexpected(seal.error());
      if (!*seal) continue;  // moved away by hand
      if (request.session_id && (*seal)->session_id != *request.session_id) continue;
      if (request.authority && (*seal)->authority != *request.authority) continue;
      bytes += (*seal)->seal_data->size();
      page.seals.push_back(std::move(**seal));
    }
    return page;
  }

  // Reads the names in the directory, and the new files. Does nothing if the directory has not changed since. The clock
  // of its modification time is coarse, so a recent time counts as a change.
  Status refresh() {
    struct stat info {};
    if (::fstat(entries_.get(), &info) != 0) return io_error(errno);
    const std::int64_t changed = nanos(info.st_mtim);
    if (changed == seen_change_ && settled_) return {};
    std::vector<Uuid> names;
    if (const int failure = read_new_names(names); failure != 0) return io_error(failure);
    for (const Uuid& seal_id : names) {
      if (const Status added = add(seal_id); !added) return added;
    }
    merge();
    seen_change_ = changed;
    settled_ = wall_clock_micros() * 1'000 - changed > nanos_a_second;
    return {};
  }

  static tl::unexpected<Error> io_error(int cause) {
    return fail(ErrorCode::unavailable,
                std::string("emergency mode: the directory cannot be read: ") + std::strerror(cause));
  }

  int read_new_names(std::vector<Uuid>& out) const {
    UniqueFd fd(::openat(entries_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    DIR* const directory = fd ? ::fdopendir(fd.get()) : nullptr;
    if (directory == nullptr) return errno;
    fd.release();
    errno = 0;
    while (const dirent* entry = ::readdir(directory)) {
      const std::string_view name = entry->d_name;
      const auto seal_id =
          name.ends_with(extension) ? parse_uuid(name.substr(0, name.size() - extension.size())) : std::nullopt;
      if (seal_id && emergency_file_name(*seal_id) == name &&
          !std::binary_search(known_.begin(), known_.end(), *seal_id))
        out.push_back(*seal_id);
      errno = 0;
    }
    const int failure = errno;
    ::closedir(directory);
    return failure;
  }

  Status add(const Uuid& seal_id) {
    const auto seal = read_kept_seal(entries_.get(), seal_id);
    if (!seal && seal.error().code == ErrorCode::unavailable) return tl::unexpected(seal.error());
    new_known_.push_back(seal_id);
    if (!seal) note(seal_id, seal.error());
    if (!seal || !*seal) return {};
    const KeptSeal& found = **seal;
    new_items_.push_back(
        {found.timestamp, seal_id, hash_of(found.session_id), hash_of(found.authority), found.verdict});
    return {};
  }

  // Reports each damaged file once.
  void note(const Uuid& seal_id, const Error& error) {
    if (error.code == ErrorCode::internal && told_.insert(seal_id).second) problems_.push_back(error.message);
  }

  void merge() {
    merge_into(new_known_, known_);
    merge_into(new_items_, index_);
  }

  template <class T>
  static void merge_into(std::vector<T>& fresh, std::vector<T>& sorted) {
    std::sort(fresh.begin(), fresh.end());
    const auto middle = static_cast<std::ptrdiff_t>(sorted.size());
    sorted.insert(sorted.end(), fresh.begin(), fresh.end());
    std::inplace_merge(sorted.begin(), sorted.begin() + middle, sorted.end());
    fresh.clear();
  }

  UniqueFd entries_;
  std::vector<Item> index_;  // sorted
  std::vector<Uuid> known_;  // names already read, sorted
  std::vector<Item> new_items_;
  std::vector<Uuid> new_known_;
  std::vector<std::string> problems_;
  std::set<Uuid> told_;
  std::int64_t seen_change_ = -1;  // the directory's modification time when it was last read
  bool settled_ = false;           // that time was well in the past
};

}  // namespace

Result<std::unique_ptr<EmergencyReaderStore>> open_emergency_reader(const std::string& directory) {
  auto entries = open_emergency_entries(directory);
  if (!entries) return tl::unexpected(entries.error());
  return std::make_unique<DirectoryReader>(std::move(*entries));
}

}  // namespace vault
