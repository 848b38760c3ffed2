#include "store/archive/write.hpp"

#include <fmt/format.h>

#include <chrono>

#include "ledger/data_bundle.hpp"
#include "ledger/leaf.hpp"
#include "store/archive/files.hpp"

namespace vault {
namespace {

// Reads tiles, full or partial, from files.
class DirectoryTiles final : public TileReader {
 public:
  explicit DirectoryTiles(const ArchiveDirectory& directory) : directory_(directory) {}
  Result<std::string> read_tile(const TileId& id, unsigned width) override {
    const std::string path = tile_path(id, width);
    auto hashes = directory_.read(path, archive_tile_bytes);
    if (!hashes) return tl::unexpected(hashes.error());
    if (!*hashes) return fail(ErrorCode::not_found, path + " is missing");
    if ((*hashes)->size() != width * sizeof(Hash)) return fail(ErrorCode::internal, path + " has a wrong size");
    return std::move(**hashes);
  }

 private:
  const ArchiveDirectory& directory_;
};

class ArchiveRun {
 public:
  ArchiveRun(ArchiveSource& source, const ArchiveRequest& request, const ArchiveTarget& target, ArchiveWriter& writer,
             const ArchiveProgress& progress)
      : source_(source), request_(request), target_(target), writer_(writer), progress_(progress) {}

  Result<ArchiveResult> run() {
    Status done = look_at_archive();
    if (done && has_old_ && old_.tree_size >= target_.checkpoint.tree_size) {
      done = check_ahead();
    } else if (done) {
      done = write_new();
    }
    if (!done) return tl::unexpected(done.error());
    ArchiveResult result;
    const bool moved = !has_old_ || old_.tree_size < target_.checkpoint.tree_size;
    result.checkpoint = moved ? target_.checkpoint : old_;
    result.previous_size = old_.tree_size;
    result.entries_written = moved ? target_.checkpoint.tree_size - old_.tree_size : 0;
    result.files_written = writer_.files_written();
    result.payloads = request_.payloads;
    return result;
  }

 private:
  tl::unexpected<Error> refuse(const std::string& why) const {
    return fail(ErrorCode::internal, writer_.directory().path() + ": " + why);
  }
  tl::unexpected<Error> damaged(const std::string& what) const {
    return refuse(what + ": the archive is damaged (vaultctl check-archive says more) and cannot be continued");
  }

  // A file that cannot be read shows no damage.
  tl::unexpected<Error> damaged(const Error& error) const {
    if (!is_unreadable(error)) return damaged(error.message);
    return fail(error.code, writer_.directory().path() + "/" + error.message, error.field);
  }

  // --- Existing files ------------------------------------------------------------------------------------------------

  Status look_at_archive() {
    auto note = writer_.directory().read(archive_checkpoint_name, archive_checkpoint_bytes_max);
    if (!note) return damaged(note.error());
    if (*note) {
      const auto peeked = peek_checkpoint(**note);
      if (!peeked) return damaged("checkpoint: " + peeked.error().message);
      if (peeked->origin != target_.checkpoint.origin) {
        return refuse(
            fmt::format("this is an archive of the log {}; the ledger is now {}. Keep it as it is, and archive "
                        "into another directory",
                        peeked->origin, target_.checkpoint.origin));
      }
      const auto opened = open_checkpoint(**note, target_.key);
      if (!opened) return damaged("checkpoint: " + opened.error().message);
      old_ = *opened;
      has_old_ = true;
    }
    return check_kind();
  }

  // An archive has payloads either for all entries or for none.
  Status check_kind() const {
    const bool has_data = writer_.directory().has("tile/data");
    if (has_data && !request_.payloads) {
      return fail(ErrorCode::invalid_argument,
                  writer_.directory().path() +
                      " holds payloads; an archive without them needs a directory of its own (--no-payloads)");
    }
    if (old_.tree_size > 0 && !has_data && request_.payloads) {
      return fail(ErrorCode::invalid_argument,
                  writer_.directory().path() +
                      " was made without payloads; go on with --no-payloads, or archive into another directory");
    }
    return {};
  }

  // For an archive that is already at or beyond the target: leaves it as it is, provided it has the same history.
  Status check_ahead() {
    const auto root = source_.root_at(old_.tree_size);
    if (!root && root.error().code == ErrorCode::not_found) {
      return refuse(
          fmt::format("the archive is of {} entries, and the ledger has fewer: it has been cut off, or "
                      "restored from an older backup. The archive is worth keeping",
                      old_.tree_size));
    }
    if (!root) return tl::unexpected(root.error());
    if (*root != old_.root) return other_history();
    return {};
  }

  tl::unexpected<Error> other_history() const {
    return refuse(
        fmt::format("the first {} entries of the ledger are not those of the archive's checkpoint: the ledger "
                    "has been rewritten since. The archive is evidence; keep it",
                    old_.tree_size));
  }

  // The state before the first entry of the archive's last bundle: rows are written from there on.
  Result<LedgerState> load_start() {
    LedgerState state;
    if (old_.tree_size == 0) return state;
    DirectoryTiles tiles(writer_.directory());
    const auto edge = load_edge(tiles, old_.tree_size);
    if (!edge) return damaged(edge.error());
    if (edge->root() != old_.root) return damaged("its tiles do not lead to the root in its checkpoint");
    const std::uint64_t begin = old_.tree_size - old_.tree_size % archive_tile_width;
    if (begin == 0) return state;
    std::vector<std::string> partials = edge->partials();
    partials[0].clear();
    auto start = TreeEdge::from_partials(begin, partials);
    if (!start) return damaged(start.error().message);
    const auto last = load_last_entry(begin);
    if (!last) return tl::unexpected(last.error());
    state.edge = std::move(*start);
    state.head = {static_cast<std::int64_t>(begin), last->entry_hash, state.edge.root(), last->timestamp};
    return state;
  }

  // The last entry of the full bundle that ends with the first `size` entries.
  Result<Entry> load_last_entry(std::uint64_t size) {
    const std::string path = tile_path("entries", size / archive_tile_width - 1, limits::tile_width);
    auto bundle = writer_.directory().read(path, archive_bundle_bytes_max);
    if (!bundle) return damaged(bundle.error());
    if (!*bundle) return damaged(path + " is missing");
    const auto leaves = split_bundle(**bundle, limits::tile_width);
    if (!leaves) return damaged(path + ": " + leaves.error().message);
    auto entry = parse_leaf_data(leaves->back());
    if (!entry) return damaged(path + ": " + entry.error().message);
    if (entry->sequence != static_cast<std::int64_t>(size)) return damaged(path + " holds other entries");
    return entry;
  }

  // --- Writing -------------------------------------------------------------------------------------------------------

  Status write_new() {
    auto start = load_start();
    if (!start) return tl::unexpected(start.error());
    const std::int64_t size = target_.checkpoint.tree_size;
    LedgerState end = *start;
    if (start->head.sequence < size) {
      if (request_.payloads) {
        if (auto begun = writer_.begin(bundle_path("data", start->head.sequence)); !begun) return begun;
      }
      auto walked = source_.walk(*start, size, [&](const Verifier& verifier) { return take_row(verifier); });
      if (!walked) return tl::unexpected(walked.error());
      if (walked->finding) return refuse_row(*walked->finding);
      end = std::move(walked->end);
    }
    if (end.head.sequence != size) {
      return fail(ErrorCode::internal,
                  fmt::format("entry {} is missing; the checkpoint is of {}", end.head.sequence + 1, size));
    }
    if (end.edge.root() != target_.checkpoint.root) {
      return fail(ErrorCode::internal, fmt::format("checkpoint_mismatch: the first {} entries have another root than "
                                                   "the checkpoint of that size signs",
                                                   size));
    }
    if (const Status written = write_partial_tiles(end.edge); !written) return written;
    return writer_.put_last(archive_checkpoint_name, target_.note);
  }

  // Path of the bundle that begins after `sequence` entries.
  std::string bundle_path(std::string_view kind, std::int64_t sequence) const {
    const std::uint64_t begin = static_cast<std::uint64_t>(sequence) / archive_tile_width * archive_tile_width;
    const std::uint64_t width = std::min(archive_tile_width, target_.checkpoint.tree_size - begin);
    return tile_path(kind, begin / archive_tile_width, static_cast<unsigned>(width));
  }

  Status refuse_row(const Finding& bad) const {
    return fail(ErrorCode::internal,
                fmt::format("entry {} does not verify: {}: {}. The archive's checkpoint stays at {} entries",
                            bad.sequence, finding_name(bad.reason), bad.detail, old_.tree_size));
  }

  Status take_row(const Verifier& verifier) {
    const std::int64_t sequence = verifier.state().head.sequence;
    if (sequence == old_.tree_size && verifier.state().head.merkle_root != old_.root) return other_history();
    append_bundle_entry(verifier.leaf_data(), entries_);
    if (request_.payloads) {
      record_.clear();
      append_data_record(verifier.entry().data_salt, verifier.canonical(), record_);
      if (const Status written = writer_.append(record_); !written) return written;
    }
    const bool last = sequence == target_.checkpoint.tree_size;
    if (sequence % archive_tile_width == 0 || last) {
      if (const Status ended = end_bundle(verifier, last); !ended) return ended;
    }
    report_progress(sequence);
    return {};
  }

  Status end_bundle(const Verifier& verifier, bool last) {
    for (const Tile& tile : verifier.finished_tiles()) {
      const Status written = writer_.put_unchanging(tile_path(tile.id, limits::tile_width), tile.hashes);
      if (!written) return written;
    }
    const std::int64_t sequence = verifier.state().head.sequence;
    const Status written = writer_.put_unchanging(bundle_path("entries", sequence - 1), entries_);
    if (!written) return written;
    entries_.clear();
    if (!request_.payloads) return {};
    if (const Status ended = writer_.finish(); !ended) return ended;
    return last ? Status{} : writer_.begin(bundle_path("data", sequence));
  }

  Status write_partial_tiles(const TreeEdge& edge) {
    for (unsigned level = 0; level < edge.partials().size(); ++level) {
      const std::string& hashes = edge.partials()[level];
      if (hashes.empty()) continue;
      const TileId id{level, full_tiles(edge.size(), level)};
      const auto width = static_cast<unsigned>(hashes.size() / sizeof(Hash));
      if (const Status written = writer_.put_unchanging(tile_path(id, width), hashes); !written) return written;
    }
    return {};
  }

  void report_progress(std::int64_t sequence) {
    if (!progress_ || sequence <= old_.tree_size || sequence % archive_tile_width != 0) return;
    const auto now = std::chrono::steady_clock::now();
    if (now - last_progress_ < archive_progress_interval) return;
    last_progress_ = now;
    progress_(sequence - old_.tree_size, target_.checkpoint.tree_size - old_.tree_size);
  }

  ArchiveSource& source_;
  const ArchiveRequest& request_;
  const ArchiveTarget& target_;
  ArchiveWriter& writer_;
  const ArchiveProgress& progress_;
  Checkpoint old_;  // of the existing archive; size 0 if there is none
  bool has_old_ = false;
  std::string entries_, record_;  // the entry bundle and the data record being built
  std::chrono::steady_clock::time_point last_progress_{};
};

}  // namespace

Result<ArchiveResult> write_archive(ArchiveSource& source, const ArchiveRequest& request,
                                    const ArchiveProgress& progress) {
  auto target = source.target(request.not_after);
  if (!target) return tl::unexpected(target.error());
  if (!*target) return ArchiveResult{std::nullopt, 0, 0, 0, request.payloads};
  const auto readers = request.payloads ? ArchiveWriter::Readers::group : ArchiveWriter::Readers::everyone;
  auto writer = ArchiveWriter::open(request.directory, readers);
  if (!writer) return tl::unexpected(writer.error());
  return ArchiveRun(source, request, **target, *writer, progress).run();
}

}  // namespace vault
