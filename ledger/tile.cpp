#include "ledger/tile.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "ledger/check.hpp"
#include "ledger/limits.hpp"
#include "ledger/line_reader.hpp"
#include "ledger/merkle_hash.hpp"

namespace vault {
namespace {

constexpr std::uint64_t levels_last = 63;  // of C2SP tlog-tiles; a tree of 2^64 leaves needs 8
constexpr std::size_t tile_bytes = limits::tile_width * sizeof(Hash);

Hash hash_at(std::string_view hashes, std::size_t index) {
  return *array_from_bytes<sizeof(Hash)>(hashes.substr(index * sizeof(Hash), sizeof(Hash)));
}

// Levels at which a tree of `size` leaves has hashes at all.
unsigned level_count(std::uint64_t size) {
  return (static_cast<unsigned>(std::bit_width(size)) + limits::tile_height - 1) / limits::tile_height;
}

// Number of hashes at `level` that stand for full tiles of the level below (at level 0: for leaves).
std::uint64_t hash_count(std::uint64_t size, unsigned level) {
  return level < limits::tile_levels_max ? size >> (limits::tile_height * level) : 0;
}

}  // namespace

Hash tile_root(std::string_view hashes) {
  VAULT_CHECK(!hashes.empty() && hashes.size() % sizeof(Hash) == 0 && hashes.size() <= tile_bytes);
  std::array<Hash, limits::tile_width / 2> nodes;
  std::size_t count = hashes.size() / sizeof(Hash);
  if (count == 1) return hash_at(hashes, 0);
  for (std::size_t i = 0; i + 1 < count; i += 2) nodes[i / 2] = hash_node(hash_at(hashes, i), hash_at(hashes, i + 1));
  if (count % 2 != 0) nodes[count / 2] = hash_at(hashes, count - 1);
  for (count = (count + 1) / 2; count > 1; count = (count + 1) / 2) {
    for (std::size_t i = 0; i + 1 < count; i += 2) nodes[i / 2] = hash_node(nodes[i], nodes[i + 1]);
    if (count % 2 != 0) nodes[count / 2] = nodes[count - 1];  // promoted, never doubled
  }
  return nodes[0];
}

unsigned partial_width(std::uint64_t size, unsigned level) {
  return static_cast<unsigned>(hash_count(size, level) % limits::tile_width);
}

std::uint64_t full_tiles(std::uint64_t size, unsigned level) {
  return hash_count(size, level) / limits::tile_width;
}

std::string tile_path(std::string_view level, std::uint64_t index, unsigned width) {
  VAULT_CHECK(width >= 1 && width <= limits::tile_width);
  std::string number = fmt::format("{:03}", index % 1000);
  for (index /= 1000; index > 0; index /= 1000) number = fmt::format("x{:03}/{}", index % 1000, number);
  std::string path = fmt::format("tile/{}/{}", level, number);
  if (width < limits::tile_width) path += fmt::format(".p/{}", width);
  return path;
}

std::string tile_path(const TileId& id, unsigned width) {
  return tile_path(fmt::format_int(id.level).c_str(), id.index, width);
}

std::optional<TileName> parse_tile_path(std::string_view path) {
  constexpr std::string_view prefix = "tile/";
  if (!path.starts_with(prefix)) return std::nullopt;
  path.remove_prefix(prefix.size());
  TileName name;
  const std::size_t slash = path.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  name.level = path.substr(0, slash);
  if (name.level != "entries" && name.level != "data") {
    const std::optional<std::uint64_t> level = parse_decimal(name.level);
    if (!level || *level > levels_last) return std::nullopt;
  }
  std::string digits(path.substr(slash + 1));
  std::optional<std::uint64_t> width = limits::tile_width;
  if (const std::size_t partial = digits.find(".p/"); partial != std::string::npos) {
    width = parse_decimal(std::string_view(digits).substr(partial + 3));
    if (!width || *width < 1 || *width >= limits::tile_width) return std::nullopt;
    digits.resize(partial);
  }
  std::erase_if(digits, [](char c) { return c == 'x' || c == '/'; });
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size() - 1));
  const std::optional<std::uint64_t> index = digits.empty() ? std::nullopt : parse_decimal(digits);
  if (!index) return std::nullopt;
  name.index = *index;
  name.width = static_cast<unsigned>(*width);
  // The path was read leniently, but only one spelling is valid.
  if (tile_path(name.level, name.index, name.width) != fmt::format("{}{}", prefix, path)) return std::nullopt;
  return name;
}

void append_bundle_entry(std::string_view leaf_data, std::string& bundle) {
  VAULT_CHECK(leaf_data.size() <= limits::leaf_data_bytes_max);
  append_u16(bundle, static_cast<std::uint16_t>(leaf_data.size()));
  bundle += leaf_data;
}

Result<std::vector<std::string_view>> split_bundle(std::string_view bundle, std::size_t count) {
  std::vector<std::string_view> entries;
  entries.reserve(std::min(count, limits::tile_width));
  for (std::size_t i = 0; i < count; ++i) {
    if (bundle.size() < 2) return fail(ErrorCode::invalid_argument, fmt::format("bundle ends before entry {}", i));
    const std::size_t size =
        std::size_t{static_cast<std::uint8_t>(bundle[0])} << 8 | static_cast<std::uint8_t>(bundle[1]);
    bundle.remove_prefix(2);
    if (bundle.size() < size) return fail(ErrorCode::invalid_argument, fmt::format("bundle ends inside entry {}", i));
    entries.push_back(bundle.substr(0, size));
    bundle.remove_prefix(size);
  }
  if (!bundle.empty()) {
    return fail(ErrorCode::invalid_argument, fmt::format("bundle goes on after its {} entries", count));
  }
  return entries;
}

void TreeEdge::append(const Hash& leaf_hash, std::vector<Tile>& finished) {
  const std::uint64_t old_size = size();
  Hash hash = leaf_hash;
  std::size_t merged = 0;  // roots that `hash` has absorbed from the right end of the frontier
  for (unsigned level = 0;; ++level) {
    if (level == partials_.size()) partials_.emplace_back().reserve(tile_bytes);
    std::string& partial = partials_[level];
    partial += as_view(hash);
    if (partial.size() < tile_bytes) break;
    // The tile was one hash short of full, so the frontier ends with the roots of its halves, quarters and so on: eight
    // hashes make its root.
    const std::vector<Hash>& roots = frontier_.roots();
    for (unsigned i = 0; i < limits::tile_height; ++i) hash = hash_node(roots[roots.size() - ++merged], hash);
    finished.push_back(Tile{TileId{level, full_tiles(old_size, level)}, std::move(partial), hash});
    partial = std::string();
    partial.reserve(tile_bytes);
  }
  frontier_.append(leaf_hash);
}

Result<TreeEdge> TreeEdge::from_partials(std::uint64_t size, const std::vector<std::string>& partials) {
  const unsigned levels = level_count(size);
  for (unsigned level = 0; level < std::max<std::size_t>(levels, partials.size()); ++level) {
    const std::size_t width = partial_width(size, level);
    const std::size_t bytes = level < partials.size() ? partials[level].size() : 0;
    if (bytes != width * sizeof(Hash)) {
      return fail(ErrorCode::invalid_argument, fmt::format("partial tile of level {} has {} bytes, a tree of {} has {}",
                                                           level, bytes, size, width * sizeof(Hash)));
    }
  }
  TreeEdge edge;
  edge.partials_.assign(partials.begin(),
                        partials.begin() + levels);  // there are that many: the top one is never empty
  std::vector<Hash> roots;
  for (unsigned level = levels; level-- > 0;) {
    std::string_view rest = edge.partials_[level];
    while (!rest.empty()) {
      const std::size_t bytes = std::bit_floor(rest.size() / sizeof(Hash)) * sizeof(Hash);
      roots.push_back(tile_root(rest.substr(0, bytes)));
      rest.remove_prefix(bytes);
    }
    edge.partials_[level].reserve(tile_bytes);
  }
  edge.frontier_ = Frontier(size, std::move(roots));
  return edge;
}

Result<TreeEdge> load_edge(TileReader& tiles, std::uint64_t size) {
  std::vector<std::string> partials(level_count(size));
  for (unsigned level = 0; level < partials.size(); ++level) {
    const unsigned width = partial_width(size, level);
    if (width == 0) continue;
    Result<std::string> hashes = tiles.read_tile(TileId{level, full_tiles(size, level)}, width);
    if (!hashes) return tl::unexpected(std::move(hashes.error()));
    partials[level] = std::move(*hashes);
  }
  return TreeEdge::from_partials(size, partials);
}

}  // namespace vault
