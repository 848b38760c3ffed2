#include "ledger/tile.hpp"

#include <gtest/gtest.h>

#include "ledger/sha256.hpp"
#include "tests/property/naive_merkle.hpp"
#include "tests/unit/ledger/memory_tiles.hpp"
#include "tests/unit/ledger/vector_file.hpp"

namespace vault {
namespace {

TEST(Tile, RootOfEveryWidthIsThatOfRfc6962) {
  const std::vector<Hash> leaves = make_leaves(256);
  std::string hashes;
  for (std::size_t width = 1; width <= 256; ++width) {
    hashes += as_view(leaves[width - 1]);
    ASSERT_EQ(tile_root(hashes), naive::root(naive::Leaves(leaves).first(width))) << width;
  }
}

TEST(Tile, WidthsOfTheSpecificationsExample) {
  // C2SP tlog-tiles: a tree of 70,000 leaves.
  EXPECT_EQ(full_tiles(70'000, 0), 273u);
  EXPECT_EQ(partial_width(70'000, 0), 112u);
  EXPECT_EQ(full_tiles(70'000, 1), 1u);
  EXPECT_EQ(partial_width(70'000, 1), 17u);
  EXPECT_EQ(full_tiles(70'000, 2), 0u);
  EXPECT_EQ(partial_width(70'000, 2), 1u);
  EXPECT_EQ(partial_width(70'000, 3), 0u);
  EXPECT_EQ(partial_width(256, 0), 0u);
  EXPECT_EQ(partial_width(256, 1), 1u);
  EXPECT_EQ(partial_width(UINT64_MAX, 7), 255u);
  EXPECT_EQ(partial_width(UINT64_MAX, 8), 0u);
  EXPECT_EQ(full_tiles(UINT64_MAX, 7), 0u);
  EXPECT_EQ(full_tiles(UINT64_MAX, 6), 255u);
}

TEST(Tile, Paths) {
  EXPECT_EQ(tile_path(TileId{0, 0}, 256), "tile/0/000");
  EXPECT_EQ(tile_path(TileId{1, 999}, 256), "tile/1/999");
  EXPECT_EQ(tile_path(TileId{1, 1000}, 256), "tile/1/x001/000");
  EXPECT_EQ(tile_path(TileId{0, 1'234'067}, 256), "tile/0/x001/x234/067");
  EXPECT_EQ(tile_path(TileId{2, 5}, 17), "tile/2/005.p/17");
  EXPECT_EQ(tile_path("entries", 1'234'067, 1), "tile/entries/x001/x234/067.p/1");
  EXPECT_EQ(tile_path("data", 42, 256), "tile/data/042");
  EXPECT_EQ(tile_path("entries", 72'057'594'037'927'935, 255), "tile/entries/x072/x057/x594/x037/x927/935.p/255");
}

TEST(Tile, PathsReadBack) {
  for (const char* level : {"0", "1", "63", "entries", "data"}) {
    for (const std::uint64_t index : {std::uint64_t{0}, std::uint64_t{999}, std::uint64_t{1'000},
                                      std::uint64_t{1'234'067}, std::uint64_t{72'057'594'037'927'935}, UINT64_MAX}) {
      for (const unsigned width : {1u, 17u, 255u, 256u}) {
        EXPECT_EQ(parse_tile_path(tile_path(level, index, width)), (TileName{level, index, width}));
      }
    }
  }
}

TEST(Tile, PathsThatAreNone) {
  for (const char* path : {"",
                           "checkpoint",
                           "tile",
                           "tile/",
                           "tile/0",
                           "tile/0/",
                           "tile/0/0",
                           "tile/0/00",
                           "tile/0/0000",
                           "tile/0/1234",
                           "tile/0/x000/001",
                           "tile/0/x01/001",
                           "tile/0/001/002",
                           "tile/0/x001",
                           "tile/0/x001/x002",
                           "tile/0/X001/002",
                           "tile/0/000/",
                           "/tile/0/000",
                           "tile//0/000",
                           "tile/00/000",
                           "tile/64/000",
                           "tile/-1/000",
                           "tile/leaf/000",
                           "tile/0/000.p",
                           "tile/0/000.p/",
                           "tile/0/000.p/0",
                           "tile/0/000.p/01",
                           "tile/0/000.p/256",
                           "tile/0/000.p/x",
                           "tile/0/000.p/1.p/1",
                           "tile/0/000.P/1",
                           "tile/0/000 ",
                           "tile/0/+00",
                           "tile/0/x018/x446/x744/x073/x709/x551/616"}) {
    EXPECT_EQ(parse_tile_path(path), std::nullopt) << path;
  }
}

TEST(Tile, EdgeShowsItsPartialTiles) {
  TreeEdge edge;
  std::vector<Tile> finished;
  for (const Hash& leaf : make_leaves(600)) edge.append(leaf, finished);
  ASSERT_EQ(edge.partials().size(), 2u);
  EXPECT_EQ(edge.partials()[0].size(), 32 * partial_width(600, 0));
  EXPECT_EQ(edge.partials()[1], std::string(as_view(finished[0].root)) + std::string(as_view(finished[1].root)));
  EXPECT_TRUE(TreeEdge().partials().empty());
}

TEST(Tile, EntryBundleAndLevelZeroTileOfTheVectors) {
  const nlohmann::json vectors = load_vectors("tlog.json");
  std::string bundle;
  std::string hashes;
  for (const std::string leaf : vectors["leaf_data"]) {
    append_bundle_entry(leaf, bundle);
    hashes += as_view(hash_leaf(leaf));
  }
  EXPECT_EQ(bundle.size(), vectors["entry_bundle_bytes"]);
  EXPECT_EQ(to_hex(sha256(bundle)), vectors["entry_bundle_sha256"]);
  EXPECT_EQ(hashes.size(), vectors["tile0_bytes"]);
  EXPECT_EQ(to_hex(sha256(hashes)), vectors["tile0_sha256"]);

  const auto entries = split_bundle(bundle, 15);
  ASSERT_TRUE(entries.has_value());
  ASSERT_EQ(entries->size(), 15u);
  for (std::size_t i = 0; i < 15; ++i) EXPECT_EQ((*entries)[i], vectors["leaf_data"][i]);
}

TEST(Tile, BundleHoldsEmptyAndLargestEntries) {
  std::string bundle;
  append_bundle_entry("", bundle);
  append_bundle_entry(std::string(65'535, 'x'), bundle);
  append_bundle_entry(std::string(256, 'y'), bundle);
  EXPECT_EQ(bundle.substr(0, 4), std::string("\0\0\xff\xff", 4));
  const auto entries = split_bundle(bundle, 3);
  ASSERT_TRUE(entries.has_value());
  EXPECT_EQ((*entries)[0].size(), 0u);
  EXPECT_EQ((*entries)[1].size(), 65'535u);
  EXPECT_EQ((*entries)[2], std::string(256, 'y'));
}

TEST(Tile, MalformedBundlesAreRefused) {
  std::string bundle;
  append_bundle_entry("one", bundle);
  append_bundle_entry("two", bundle);
  EXPECT_FALSE(split_bundle(bundle, 1).has_value()) << "goes on";
  EXPECT_FALSE(split_bundle(bundle, 3).has_value()) << "ends early";
  EXPECT_FALSE(split_bundle(bundle, SIZE_MAX).has_value());
  for (std::size_t size = 0; size < bundle.size(); ++size) {
    EXPECT_FALSE(split_bundle(bundle.substr(0, size), 2).has_value()) << size;
  }
  EXPECT_TRUE(split_bundle("", 0).has_value());
}

TEST(TileDeathTest, AnEntryOverTheBundlesLimitIsABrokenInvariant) {
  std::string bundle;
  EXPECT_DEATH(append_bundle_entry(std::string(65'536, 'x'), bundle), "CHECK failed");
  EXPECT_DEATH(tile_root(""), "CHECK failed");
  EXPECT_DEATH(tile_root(std::string(33, 'x')), "CHECK failed");
}

TEST(TreeEdge, FinishesTilesInOrderWithTheirRoots) {
  const std::vector<Hash> leaves = make_leaves(65'536 + 256);
  TreeEdge edge;
  std::vector<Tile> finished;
  for (std::size_t i = 0; i < 255; ++i) edge.append(leaves[i], finished);
  EXPECT_TRUE(finished.empty());
  edge.append(leaves[255], finished);
  ASSERT_EQ(finished.size(), 1u);
  EXPECT_EQ(finished[0].id, (TileId{0, 0}));
  for (std::size_t i = 256; i < 65'536; ++i) edge.append(leaves[i], finished);
  ASSERT_EQ(finished.size(), 257u);
  EXPECT_EQ(finished[255].id, (TileId{0, 255}));
  EXPECT_EQ(finished[256].id, (TileId{1, 0})) << "level 0 first";
  for (std::size_t i = 65'536; i < leaves.size(); ++i) edge.append(leaves[i], finished);
  ASSERT_EQ(finished.size(), 258u);
  EXPECT_EQ(finished[257].id, (TileId{0, 256}));
  std::string roots;
  for (const Tile& tile : finished) {
    ASSERT_EQ(tile.hashes.size(), 8192u);
    ASSERT_EQ(tile.root, tile_root(tile.hashes));
    if (tile.id.level == 0 && tile.id.index < 256) roots += as_view(tile.root);
    if (tile.id.level > 0) continue;
    ASSERT_EQ(tile.hashes.substr(0, 32), as_view(leaves[tile.id.index * 256]));
  }
  EXPECT_EQ(finished[256].hashes, roots);
  EXPECT_EQ(edge.root(), naive::root(leaves));
}

TEST(TreeEdge, LoadedEqualsGrown) {
  MemoryTiles tiles;
  const std::vector<Hash> leaves = make_leaves(66'100);
  for (std::size_t n = 0; n <= leaves.size(); ++n) {
    if (n > 0) tiles.append(leaves[n - 1]);
    const bool interesting = n < 4 || n % 256 <= 1 || n % 256 == 255 || n > 66'095;
    if (!interesting || (n > 2'000 && n < 65'000)) continue;
    const int before = tiles.reads();
    const Result<TreeEdge> loaded = load_edge(tiles, n);
    ASSERT_TRUE(loaded.has_value()) << n;
    ASSERT_EQ(*loaded, tiles.edge()) << n;
    ASSERT_LE(tiles.reads() - before, 3) << "one read a level";
  }
  // An edge of the past is read out of tiles that are full by now.
  const Result<TreeEdge> past = load_edge(tiles, 65'000);
  ASSERT_TRUE(past.has_value());
  EXPECT_EQ(past->size(), 65'000u);
  EXPECT_EQ(past->root(), naive::root(naive::Leaves(leaves).first(65'000)));
}

TEST(TreeEdge, PartialsOfTheWrongWidthAreRefused) {
  const std::string one(32, 'a');
  EXPECT_TRUE(TreeEdge::from_partials(0, {}).has_value());
  EXPECT_TRUE(TreeEdge::from_partials(0, {"", ""}).has_value());
  EXPECT_EQ(TreeEdge::from_partials(0, {"", ""}).value(), TreeEdge());
  EXPECT_TRUE(TreeEdge::from_partials(257, {one, one}).has_value());
  EXPECT_TRUE(TreeEdge::from_partials(256, {"", one}).has_value());
  EXPECT_FALSE(TreeEdge::from_partials(1, {}).has_value());
  EXPECT_FALSE(TreeEdge::from_partials(0, {one}).has_value());
  EXPECT_FALSE(TreeEdge::from_partials(256, {one, one}).has_value());
  EXPECT_FALSE(TreeEdge::from_partials(257, {one}).has_value());
  EXPECT_FALSE(TreeEdge::from_partials(257, {one, one, one}).has_value());
  EXPECT_FALSE(TreeEdge::from_partials(1, {one + "x"}).has_value());
  EXPECT_EQ(TreeEdge::from_partials(2, {one}).error().code, ErrorCode::invalid_argument);
}

TEST(TreeEdge, LoadingBeyondTheTreeIsNotFound) {
  MemoryTiles tiles;
  for (const Hash& leaf : make_leaves(10)) tiles.append(leaf);
  EXPECT_EQ(load_edge(tiles, 11).error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace vault
