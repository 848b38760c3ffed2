#include "store/archive/check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <set>

#include "ledger/leaf.hpp"
#include "ledger/merkle_hash.hpp"
#include "ledger/verifier.hpp"
#include "store/archive/data_reader.hpp"
#include "store/archive/layout.hpp"

namespace vault {
namespace {

constexpr std::size_t hash_bytes = sizeof(Hash);

std::string_view hash_at(std::string_view hashes, std::size_t index) {
  return hashes.substr(index * hash_bytes, hash_bytes);
}

Hash to_hash(std::string_view bytes) {
  return array_from_bytes<hash_bytes>(bytes).value_or(zero_hash);
}

// One bundle of entries with everything that the archive holds about it.
struct Bundle {
  std::uint64_t index = 0;
  unsigned width = 0;
  std::string content;                        // of tile/entries
  std::vector<std::string_view> leaves;       // empty if that file is unusable
  std::string leaf_hashes;                    // of the leaves
  std::optional<std::string> tile;            // tile/0, if it has the right size
  std::string hashes;                         // the hashes chosen by settle(); empty if there are none
  std::vector<std::optional<Entry>> entries;  // set where the leaf has the chosen hash
};

class ArchiveCheck {
 public:
  ArchiveCheck(const ArchiveDirectory& directory, const VerifierKey& key, const ArchiveSink& sink,
               const ArchiveCheckProgress& progress)
      : directory_(directory), key_(key), sink_(sink), progress_(progress) {}

  Result<ArchiveReport> run() {
    if (const Status looked = look_at_all(); !looked) return tl::unexpected(looked.error());
    // Whatever is certainly wrong is the answer, also if other files could not be read.
    const bool only_unread = report_.missing.empty() && report_.bad.size() == unread_.size();
    if (!unread_.empty() && only_unread) return tl::unexpected(describe_unread());
    return std::move(report_);
  }

 private:
  Status look_at_all() {
    if (!read_checkpoint()) return {};
    report_.payloads = size_ == 0 || directory_.has("tile/data");
    for (std::uint64_t index = 0; index * archive_tile_width < size_; ++index) {
      if (Status checked = check_bundle(index); !checked) return checked;
      if (stopped() || not_good_.size() >= archive_findings_max) return {};
      report_progress();
    }
    check_edge();
    if (sink_) return {};
    return directory_.walk([this](const std::string& path, bool regular) { check_other(path, regular); });
  }

  bool stopped() const { return sink_ && !report_.valid(); }

  // Only the first finding about each file is kept.
  void found_bad(const std::string& file, const std::string& what) {
    if (not_good_.insert(file).second) report_.bad.push_back({file, what});
  }
  // A file that cannot be read says nothing about the archive.
  void found_bad(const std::string& file, const Error& error) {
    if (is_unreadable(error) && !not_good_.contains(file)) unread_.push_back(error);
    found_bad(file, error.message);
  }
  void found_missing(const std::string& file) {
    if (not_good_.insert(file).second) report_.missing.push_back({file, "is missing"});
  }

  Error describe_unread() const {
    const std::string more = unread_.size() > 1 ? fmt::format(" (and {} more)", unread_.size() - 1) : "";
    return {unread_[0].code, directory_.path() + "/" + unread_[0].message + more, unread_[0].field};
  }

  bool read_checkpoint() {
    const std::string file = archive_checkpoint_name;
    auto note = directory_.read(file, archive_checkpoint_bytes_max);
    if (note && !*note) {
      found_missing(file);
      return false;
    }
    auto checkpoint = note ? open_checkpoint(**note, key_) : tl::unexpected(note.error());
    if (!checkpoint) {
      found_bad(file, checkpoint.error());
      return false;
    }
    size_ = checkpoint->tree_size;
    report_.checkpoint = std::move(*checkpoint);
    return true;
  }

  // The file, if it exists and holds at most `bytes_max`; otherwise a finding is added.
  std::optional<std::string> read(const std::string& file, std::size_t bytes_max) {
    auto content = directory_.read(file, bytes_max);
    if (!content) {
      found_bad(file, content.error());
      return std::nullopt;
    }
    if (!*content) found_missing(file);
    return std::move(*content);
  }

  std::optional<std::string> read_tile(const TileId& id, unsigned width) {
    const std::string file = tile_path(id, width);
    auto hashes = read(file, archive_tile_bytes);
    if (hashes && hashes->size() != width * hash_bytes) {
      found_bad(file, fmt::format("has {} bytes, a tile of this width has {}", hashes->size(), width * hash_bytes));
      return std::nullopt;
    }
    return hashes;
  }

  // --- A bundle ------------------------------------------------------------------------------------------------------

  Status check_bundle(std::uint64_t index) {
    Bundle bundle;
    bundle.index = index;
    bundle.width = static_cast<unsigned>(std::min(archive_tile_width, size_ - index * archive_tile_width));
    read_leaves(bundle);
    bundle.tile = read_tile(TileId{0, index}, bundle.width);
    settle(bundle);
    check_entries(bundle);
    grow_tree(bundle);
    report_.checked += bundle.width;
    if (!bundle.hashes.empty()) previous_ = to_hash(hash_at(bundle.hashes, bundle.width - 1));
    if (stopped()) return {};
    return report_.payloads ? check_data(bundle) : Status{};
  }

  void read_leaves(Bundle& bundle) {
    const std::string file = tile_path("entries", bundle.index, bundle.width);
    auto content = read(file, archive_bundle_bytes_max);
    if (!content) return;
    bundle.content = std::move(*content);
    auto leaves = split_bundle(bundle.content, bundle.width);
    if (!leaves) return found_bad(file, leaves.error().message);
    bundle.leaves = std::move(*leaves);
    for (const std::string_view leaf : bundle.leaves) bundle.leaf_hashes += as_view(hash_leaf(leaf));
  }

  // Chooses the hashes with which the tree is grown. Leaves and tile agree unless one of them is bad.
  void settle(Bundle& bundle) {
    const bool has_leaves = !bundle.leaves.empty();
    bundle.hashes = has_leaves ? bundle.leaf_hashes : bundle.tile.value_or("");
    if (!has_leaves || !bundle.tile || *bundle.tile == bundle.leaf_hashes) return;
    std::size_t at = 0;
    while (hash_at(*bundle.tile, at) == hash_at(bundle.leaf_hashes, at)) ++at;
    const bool tile_fits = fits(bundle, *bundle.tile);
    const bool leaves_fit = fits(bundle, bundle.leaf_hashes);
    const bool tile_is_good = tile_fits != leaves_fit ? tile_fits : chain_prefers_tile(bundle, at);
    if (tile_is_good) bundle.hashes = *bundle.tile;
    const std::uint64_t sequence = bundle.index * archive_tile_width + at + 1;
    if (tile_is_good) {
      found_bad(tile_path("entries", bundle.index, bundle.width),
                fmt::format("entry {} does not have the hash that the tree holds", sequence));
    } else {
      found_bad(tile_path(TileId{0, bundle.index}, bundle.width),
                fmt::format("hash {} is not that of entry {}", at, sequence));
    }
  }

  // Whether the hashes fit the level above: a full tile's root is in the tile of level 1, and the last tile leads to
  // the checkpoint's root.
  bool fits(const Bundle& bundle, const std::string& hashes) {
    if (bundle.width < archive_tile_width) {
      TreeEdge edge = edge_;
      std::vector<Tile> finished;
      for (std::size_t i = 0; i < bundle.width; ++i) edge.append(to_hash(hash_at(hashes, i)), finished);
      return edge.root() == report_.checkpoint->root;
    }
    const std::uint64_t above = bundle.index / archive_tile_width;
    const bool full = above < full_tiles(size_, 1);
    const auto parent = read_tile(TileId{1, above}, full ? limits::tile_width : partial_width(size_, 1));
    return parent && hash_at(*parent, bundle.index % archive_tile_width) == as_view(tile_root(hashes));
  }

  // Asked where the level above does not decide: the next leaf holds the hash of the leaf that differs.
  static bool chain_prefers_tile(const Bundle& bundle, std::size_t at) {
    if (!parse_leaf_data(bundle.leaves[at])) return true;
    const auto next = at + 1 < bundle.leaves.size() ? parse_leaf_data(bundle.leaves[at + 1]) : tl::unexpected(Error{});
    return next && as_view(next->prev_hash) == hash_at(*bundle.tile, at);
  }

  // Checks that the leaves are envelopes that follow each other.
  void check_entries(Bundle& bundle) {
    bundle.entries.resize(bundle.width);
    const std::string file = tile_path("entries", bundle.index, bundle.width);
    for (std::size_t i = 0; i < bundle.leaves.size(); ++i) {
      if (hash_at(bundle.leaf_hashes, i) != hash_at(bundle.hashes, i)) continue;  // already reported
      const auto sequence = static_cast<std::int64_t>(bundle.index * archive_tile_width + i + 1);
      auto entry = parse_leaf_data(bundle.leaves[i]);
      if (!entry) {
        found_bad(file, fmt::format("entry {}: {}", sequence, entry.error().message));
        continue;
      }
      const Hash previous = i == 0 ? previous_ : to_hash(hash_at(bundle.hashes, i - 1));
      const Status follows = check_follows(*entry, sequence, previous, previous_time_);
      if (!follows && previous_known_) found_bad(file, follows.error().message);
      previous_time_ = std::max(previous_time_, entry->timestamp);
      bundle.entries[i] = std::move(*entry);
    }
    previous_known_ = !bundle.hashes.empty();
  }

  void grow_tree(Bundle& bundle) {
    finished_.clear();
    if (bundle.hashes.empty()) tree_known_ = false;
    if (!tree_known_) return;
    for (std::size_t i = 0; i < bundle.width; ++i) {
      edge_.append(to_hash(hash_at(bundle.hashes, i)), finished_);
      if (sink_ && bundle.entries[i]) bundle.entries[i]->merkle_root = edge_.root();
    }
    for (const Tile& tile : finished_) {
      if (tile.id.level > 0) compare_tile(tile.id, tile.hashes);
    }
  }

  void compare_tile(const TileId& id, const std::string& hashes) {
    const auto width = static_cast<unsigned>(hashes.size() / hash_bytes);
    const auto stored = read_tile(id, width);
    if (!stored || *stored == hashes) return;
    std::size_t at = 0;
    while (hash_at(*stored, at) == hash_at(hashes, at)) ++at;
    const TileId below{id.level - 1, id.index * archive_tile_width + at};
    found_bad(tile_path(id, width),
              fmt::format("hash {} is not the root of {}", at, tile_path(below, limits::tile_width)));
  }

  // Checks the partial tiles, and the root to which everything leads.
  void check_edge() {
    if (!tree_known_) return;
    for (unsigned level = 1; level < edge_.partials().size(); ++level) {
      if (!edge_.partials()[level].empty()) compare_tile({level, full_tiles(size_, level)}, edge_.partials()[level]);
    }
    const Hash root = edge_.root();
    if (root == report_.checkpoint->root) return;
    found_bad(archive_checkpoint_name, fmt::format("signs the root {}, but the archive's {} entries lead to {}",
                                                   to_hex(report_.checkpoint->root), size_, to_hex(root)));
  }

  // --- Payloads ------------------------------------------------------------------------------------------------------

  Status check_data(Bundle& bundle) {
    const std::string path = tile_path("data", bundle.index, bundle.width);
    auto file = directory_.open_file(path);
    if (file && *file) return check_records(bundle, path, DataReader(std::move(**file)));
    file ? found_missing(path) : found_bad(path, file.error());
    return {};
  }

  // A missing payload is a finding: no erasure is defined that could explain it.
  void found_erased(const std::string& path, std::uint64_t sequence) {
    ++report_.erased;
    found_bad(path, fmt::format("entry {}: {}: its payload is missing", sequence,
                                finding_name(FindingReason::erasure_unexplained)));
  }

  void found_bad_record(const std::string& path, std::size_t index, Error error) {
    error.message =
        is_unreadable(error) ? path + ": " + error.message : fmt::format("record {}: {}", index, error.message);
    found_bad(path, error);
  }

  void expect_end(const std::string& path, DataReader& records, std::size_t width) {
    const auto ended = records.at_end();
    if (!ended) return found_bad_record(path, width, ended.error());
    if (!*ended) found_bad(path, fmt::format("goes on after its {} records", width));
  }

  Status check_records(Bundle& bundle, const std::string& path, DataReader records) {
    for (std::size_t i = 0; i < bundle.width; ++i) {
      const auto record = records.next();
      if (!record) {
        found_bad_record(path, i, record.error());
        return {};
      }
      if (!record->salt) found_erased(path, bundle.index * archive_tile_width + i + 1);
      std::optional<Entry>& entry = bundle.entries[i];
      if (!entry) continue;
      if (const Status fits = check_data_record(*record, *entry); !fits) found_bad(path, fits.error().message);
      if (!sink_) continue;
      if (stopped()) return {};
      if (record->salt) {
        entry->data_salt = record->salt;
        entry->seal_data = std::string(record->seal_data);
      }
      static const std::vector<Tile> none;
      const bool last = i + 1 == bundle.width;
      if (const Status taken = sink_(std::move(*entry), last ? finished_ : none); !taken) return taken;
    }
    expect_end(path, records, bundle.width);
    return {};
  }

  // --- Every other file ----------------------------------------------------------------------------------------------

  void check_other(const std::string& path, bool regular) {
    ++report_.files;
    if (path == archive_checkpoint_name) return;
    const auto name = parse_tile_path(path);
    if (!name || !regular) {
      const bool left = path.starts_with(".unfinished");
      report_.unknown.push_back({path, left ? "left by a run that was interrupted" : "no file of an archive"});
      return;
    }
    const bool hashes = name->level != "entries" && name->level != "data";
    const unsigned level = hashes ? static_cast<unsigned>(std::stoul(name->level)) : 0;
    const std::uint64_t full = full_tiles(size_, level);
    const unsigned partial = partial_width(size_, level);
    const bool is_full = name->width == limits::tile_width;
    if (name->index > full || (name->index == full && name->width > partial)) {
      report_.unknown.push_back({path, fmt::format("not covered by the checkpoint of {} entries", size_)});
    } else if (!is_full && !(name->index == full && name->width == partial)) {
      check_superseded(path, *name,
                       tile_path(name->level, name->index, name->index < full ? limits::tile_width : partial));
    }
  }

  // A partial tile or bundle of an earlier checkpoint must be the beginning of the file that replaced it.
  void check_superseded(const std::string& path, const TileName& name, const std::string& cover) {
    if (name.level == "data") return check_superseded_data(path, name);
    if (not_good_.contains(cover)) return;  // nothing to compare with, and already reported
    const auto old = read(path, archive_bundle_bytes_max);
    const auto now = read(cover, archive_bundle_bytes_max);
    if (!old || !now) return;
    const bool whole =
        name.level == "entries" ? split_bundle(*old, name.width).has_value() : old->size() == name.width * hash_bytes;
    if (!whole || !now->starts_with(*old)) found_bad(path, fmt::format("is not the beginning of {}", cover));
  }

  // Every payload in it must be what its leaf commits to.
  void check_superseded_data(const std::string& path, const TileName& name) {
    const bool full = name.index < full_tiles(size_, 0);
    const unsigned width = full ? limits::tile_width : partial_width(size_, 0);
    const std::string file = tile_path("entries", name.index, width);
    if (not_good_.contains(file)) return;
    const auto bundle = read(file, archive_bundle_bytes_max);
    if (!bundle) return;
    const auto leaves = split_bundle(*bundle, width);
    auto data = directory_.open_file(path);
    if (!data) return found_bad(path, data.error());
    if (!leaves || !*data) return found_bad(path, "cannot be read");
    DataReader records(std::move(**data));
    for (unsigned i = 0; i < name.width; ++i) {
      const auto record = records.next();
      const auto entry = parse_leaf_data((*leaves)[i]);
      if (!record) return found_bad_record(path, i, record.error());
      if (!record->salt) found_erased(path, name.index * archive_tile_width + i + 1);
      const Status fits = entry ? check_data_record(*record, *entry) : tl::unexpected(entry.error());
      if (!fits) return found_bad(path, fits.error().message);
    }
    expect_end(path, records, name.width);
  }

  void report_progress() {
    const auto now = std::chrono::steady_clock::now();
    if (!progress_ || now - last_progress_ < archive_progress_interval) return;
    last_progress_ = now;
    progress_(report_.checked, size_);
  }

  const ArchiveDirectory& directory_;
  const VerifierKey& key_;
  const ArchiveSink& sink_;
  const ArchiveCheckProgress& progress_;
  ArchiveReport report_;
  std::uint64_t size_ = 0;
  std::set<std::string> not_good_;  // files with a finding
  std::vector<Error> unread_;       // of those of them that could not be read
  TreeEdge edge_;
  std::vector<Tile> finished_;  // by the latest bundle of entries
  bool tree_known_ = true;      // no bundle has been lost entirely so far
  Hash previous_ = zero_hash;   // of the entry before the bundle
  bool previous_known_ = true;
  Timestamp previous_time_{INT64_MIN};
  std::chrono::steady_clock::time_point last_progress_{};
};

}  // namespace

Result<ArchiveReport> check_archive(const ArchiveDirectory& directory, const VerifierKey& key, const ArchiveSink& sink,
                                    const ArchiveCheckProgress& progress) {
  return ArchiveCheck(directory, key, sink, progress).run();
}

}  // namespace vault
