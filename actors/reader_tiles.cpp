// A reader's static files: tiles and entry bundles of the tree that the latest checkpoint covers, in the form of C2SP
// tlog-tiles files. Entries that no signed checkpoint covers may still change their place in history, and are not
// served.
#include <fmt/format.h>

#include <utility>

#include "actors/reader.hpp"
#include "ledger/tile.hpp"
#include "ledger/verifier.hpp"

namespace vault {
namespace {

constexpr std::int64_t width_full = limits::tile_width;

// True if a tree of `size` leaves holds the first `width` hashes of this tile.
bool holds(std::int64_t size, const TileId& id, std::int64_t width) {
  const auto leaves = static_cast<std::uint64_t>(size);
  const std::uint64_t full = full_tiles(leaves, id.level);
  return id.index < full || (id.index == full && width <= partial_width(leaves, id.level));
}

Error not_covered(const char* what, std::int64_t index, std::int64_t width, std::int64_t size) {
  return {ErrorCode::not_found,
          fmt::format("{} {} of width {} is not covered by the latest checkpoint, which is of {} entries", what, index,
                      width, size),
          "index"};
}

}  // namespace

Reader::Outcome Reader::run_tile(const ReadTask& task, const TileRequest& request, Snapshot& snapshot) {
  const std::int64_t size = task.checkpoint ? task.checkpoint->tree_size : 0;
  const TileId id{static_cast<unsigned>(request.level), static_cast<std::uint64_t>(request.index)};
  if (!holds(size, id, request.width)) {
    return {tl::unexpected(not_covered("tile", request.index, request.width, size))};
  }
  auto hashes = snapshot.read_tile(id, static_cast<unsigned>(request.width));
  if (hashes) return {ReplyBody(TileResult{std::move(*hashes)})};
  // A replica that is behind lacks tiles and rows.
  if (auto late = behind(task, size, snapshot)) return *std::move(late);
  return {tl::unexpected(hashes.error())};
}

// Built from rows, payloads included, since a leaf holds the hash of its payload, which is stored only once the payload
// is erased. A row that does not hash to its own entry_hash is in no tile, and is refused by name.
Reader::Outcome Reader::run_bundle(const ReadTask& task, const EntryBundleRequest& request, Snapshot& snapshot) {
  const std::int64_t size = task.checkpoint ? task.checkpoint->tree_size : 0;
  if (request.index > size / width_full ||
      !holds(size, {0, static_cast<std::uint64_t>(request.index)}, request.width)) {
    return {tl::unexpected(not_covered("entry bundle", request.index, request.width, size))};
  }
  const std::int64_t first = request.index * width_full + 1;
  const std::int64_t last = first + request.width - 1;
  std::int64_t next = first;
  std::optional<Error> damage;
  EntryBundleResult result;
  std::string leaf;
  const Status scanned = snapshot.scan(first, last, [&](const RowView& row) {
    auto entry = entry_from_row(row);
    if (!entry) {
      damage = entry.error();
    } else if (row.sequence != next || compute_entry_hash(*entry) != entry->entry_hash) {
      damage = Error{ErrorCode::internal, fmt::format("entry {} is not what was sealed under its hash", next), {}};
    } else {
      leaf.clear();
      append_leaf_data(*entry, leaf);
      append_bundle_entry(leaf, result.bundle);
      ++next;
    }
    return !damage;
  });
  if (damage) return {tl::unexpected(std::move(*damage))};
  if (!scanned) return {tl::unexpected(scanned.error())};
  if (next > last) return {ReplyBody(std::move(result))};
  if (auto late = behind(task, size, snapshot)) return *std::move(late);
  return {fail(ErrorCode::internal, fmt::format("entry {} is missing", next))};
}

}  // namespace vault
