// Tiles (C2SP tlog-tiles): the tree cut into blocks of 256 hashes. A finished tile never changes.
//
// At level 0 a tile holds leaf hashes; at level l each hash is the root of a full tile of level l - 1.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/bytes.hpp"
#include "ledger/frontier.hpp"
#include "ledger/result.hpp"

namespace vault {

struct TileId {
  unsigned level = 0;
  std::uint64_t index = 0;
  friend auto operator<=>(const TileId&, const TileId&) = default;
};

// A finished tile: 256 hashes (8,192 bytes) and their root.
struct Tile {
  TileId id;
  std::string hashes;
  Hash root{};
  friend bool operator==(const Tile&, const Tile&) = default;
};

// Root of 1..256 hashes given as raw bytes (RFC 6962, with these hashes as leaves).
Hash tile_root(std::string_view hashes);

// Width of the partial tile at `level` in a tree of `size` leaves: floor(size / 256^level) mod 256.
unsigned partial_width(std::uint64_t size, unsigned level);
// Number of full tiles at `level`: floor(size / 256^(level + 1)).
std::uint64_t full_tiles(std::uint64_t size, unsigned level);

// "tile/0/x001/x234/067", with ".p/<width>" where width < 256. `level` is "entries", "data" or a number.
std::string tile_path(std::string_view level, std::uint64_t index, unsigned width);
std::string tile_path(const TileId& id, unsigned width);

// The parts of such a path.
struct TileName {
  std::string level;
  std::uint64_t index = 0;
  unsigned width = 0;
  friend bool operator==(const TileName&, const TileName&) = default;
};
// Strict: nullopt for everything that tile_path() does not print. Levels are "entries", "data" and 0 to 63.
std::optional<TileName> parse_tile_path(std::string_view path);

// Entry bundle: each leaf_data preceded by its length, big-endian uint16. VAULT_CHECK: leaf_data <= 65,535 bytes.
void append_bundle_entry(std::string_view leaf_data, std::string& bundle);
// Splits a bundle of exactly `count` entries; views into `bundle`. invalid_argument if it is malformed.
Result<std::vector<std::string_view>> split_bundle(std::string_view bundle, std::size_t count);

// The right edge of the tree: the partial tile of every level, and the frontier. It holds all that later appends and
// the next finished tiles need; about 32 bytes * 256 * levels, so it can be copied for each batch.
class TreeEdge {
 public:
  TreeEdge() = default;

  std::uint64_t size() const { return frontier_.size(); }
  const Frontier& frontier() const { return frontier_; }
  Hash root() const { return frontier_.root(); }
  // The partial tile of every level as raw hashes, level 0 first; empty where the level has none.
  const std::vector<std::string>& partials() const { return partials_; }

  // Adds a leaf; tiles that it finishes (level 0 first) are appended to `finished`.
  // Amortised O(1) hashes.
  void append(const Hash& leaf_hash, std::vector<Tile>& finished);

  // `partials[l]` is the partial tile of level l as raw bytes, for a tree of `size` leaves. invalid_argument if a width
  // does not match `size`.
  static Result<TreeEdge> from_partials(std::uint64_t size, const std::vector<std::string>& partials);

  friend bool operator==(const TreeEdge&, const TreeEdge&) = default;

 private:
  Frontier frontier_;
  std::vector<std::string> partials_;  // raw hashes of the partial tile, by level
};

// The contract for storage of tiles. `width` 256 asks for a finished tile, less for the first `width` hashes of the
// tile (which may be finished or partial). Returns exactly width * 32 bytes; not_found if the tree is smaller.
class TileReader {
 public:
  virtual ~TileReader() = default;
  virtual Result<std::string> read_tile(const TileId& id, unsigned width) = 0;
};

// The edge of the first `size` leaves; one read per level. The caller compares root() with a root that it trusts.
Result<TreeEdge> load_edge(TileReader& tiles, std::uint64_t size);

}  // namespace vault
