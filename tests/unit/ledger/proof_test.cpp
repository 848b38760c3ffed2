#include "ledger/proof.hpp"

#include <gtest/gtest.h>

#include "ledger/merkle_hash.hpp"
#include "tests/property/naive_merkle.hpp"
#include "tests/unit/ledger/memory_tiles.hpp"
#include "tests/unit/ledger/vector_file.hpp"

namespace vault {
namespace {

// Some cases of the vectors contain "hashes" of another length; those are padded to 32 bytes, which keeps equal ones
// equal and different ones different.
Hash loose_hash(const nlohmann::json& text) {
  const std::string bytes = text.is_null() ? "" : from_base64(text.get<std::string>()).value();
  Hash hash{};
  for (std::size_t i = 0; i < std::min(bytes.size(), hash.size()); ++i) hash[i] = static_cast<std::uint8_t>(bytes[i]);
  return hash;
}

Proof loose_proof(const nlohmann::json& list) {
  Proof proof;
  for (const auto& hash : list) proof.push_back(loose_hash(hash));
  return proof;
}

TEST(ProofVectors, Inclusion) {
  const nlohmann::json vectors = load_vectors("merkle/proofs.json");
  ASSERT_EQ(vectors["inclusion"].size(), 98u);
  int without_hashes = 0;
  for (const auto& c : vectors["inclusion"]) {
    // "The hash of no bytes is its own root" cannot be expressed here: a Hash has 32 bytes.
    const bool expressible = !(c["leafHash"] == "" && c["root"] == "");
    if (!expressible) ++without_hashes;
    const bool good = expressible && verify_inclusion(loose_hash(c["leafHash"]), c["leafIdx"], c["treeSize"],
                                                      loose_proof(c["proof"]), loose_hash(c["root"]))
                                         .has_value();
    EXPECT_NE(good, c["wantErr"].get<bool>()) << c["file"];
  }
  EXPECT_EQ(without_hashes, 1);
}

TEST(ProofVectors, Consistency) {
  const nlohmann::json vectors = load_vectors("merkle/proofs.json");
  ASSERT_EQ(vectors["consistency"].size(), 98u);
  for (const auto& c : vectors["consistency"]) {
    const bool good = verify_consistency(c["size1"], c["size2"], loose_hash(c["root1"]), loose_hash(c["root2"]),
                                         loose_proof(c["proof"]))
                          .has_value();
    EXPECT_NE(good, c["wantErr"].get<bool>()) << c["file"];
  }
}

TEST(ProofVectors, TlogInclusionAndConsistency) {
  const nlohmann::json vectors = load_vectors("tlog.json");
  MemoryTiles tiles;
  for (const std::string leaf : vectors["leaf_data"]) tiles.append(hash_leaf(leaf));
  TileNodeReader nodes(tiles, 15);
  EXPECT_EQ(prove_inclusion(nodes, 2, 15).value(), base64_proof(vectors["inclusion_index_2"]));
  const auto& from7 = vectors["consistency_7_15"];
  EXPECT_EQ(root_of_size(nodes, 7).value(), base64_hash(from7["root7"]));
  EXPECT_EQ(prove_consistency(nodes, 7, 15).value(), base64_proof(from7["proof"]));
  const auto& from8 = vectors["consistency_8_15"];
  EXPECT_EQ(root_of_size(nodes, 8).value(), base64_hash(from8["root8"]));
  EXPECT_EQ(prove_consistency(nodes, 8, 15).value(), base64_proof(from8["proof"]));
}

class ProofTest : public ::testing::Test {
 protected:
  static constexpr std::size_t size = 70'000;
  ProofTest() {
    for (const Hash& leaf : leaves_) tiles_.append(leaf);
  }
  std::vector<Hash> leaves_ = make_leaves(size);
  MemoryTiles tiles_;
};

TEST_F(ProofTest, ReadsEachTileOnceAndFew) {
  TileNodeReader nodes(tiles_, size);
  const Proof proof = prove_inclusion(nodes, 300, size).value();
  // The leaf's tile and the edge's at each of three levels.
  EXPECT_LE(tiles_.reads(), 6);
  const int reads = tiles_.reads();
  EXPECT_EQ(prove_inclusion(nodes, 300, size).value(), proof);
  EXPECT_EQ(tiles_.reads(), reads) << "cached";
  EXPECT_TRUE(verify_inclusion(leaves_[300], 300, size, proof, tiles_.edge().root()).has_value());
}

TEST_F(ProofTest, SmallerTreesAreProvenOutOfLargerOnes) {
  TileNodeReader nodes(tiles_, size);
  for (const std::uint64_t smaller : {1ull, 255ull, 256ull, 257ull, 65'535ull, 65'536ull, 65'537ull}) {
    const Hash root = naive::root(naive::Leaves(leaves_).first(smaller));
    EXPECT_EQ(root_of_size(nodes, smaller).value(), root) << smaller;
    const Proof proof = prove_consistency(nodes, smaller, size).value();
    EXPECT_TRUE(verify_consistency(smaller, size, root, tiles_.edge().root(), proof).has_value()) << smaller;
  }
}

TEST_F(ProofTest, RefusesWhatIsNotInTheTree) {
  TileNodeReader nodes(tiles_, 1000);  // although the tiles hold more
  EXPECT_EQ(nodes.read_node(0, 1000).error().code, ErrorCode::not_found);
  EXPECT_EQ(nodes.read_node(3, 125).error().code, ErrorCode::not_found);
  EXPECT_EQ(nodes.read_node(64, 0).error().code, ErrorCode::not_found);
  EXPECT_EQ(nodes.read_node(UINT32_MAX, UINT64_MAX).error().code, ErrorCode::not_found);
  EXPECT_EQ(nodes.read_node(3, 124).value(), naive::root(naive::Leaves(leaves_).subspan(992, 8)));
  EXPECT_EQ(prove_inclusion(nodes, 1000, 1000).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(prove_inclusion(nodes, 0, 0).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(prove_inclusion(nodes, 5, 1001).error().code, ErrorCode::not_found);
  EXPECT_EQ(prove_consistency(nodes, 3, 2).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(prove_consistency(nodes, 2, 1001).error().code, ErrorCode::not_found);
  EXPECT_EQ(root_of_size(nodes, 0).value(), empty_root());
  EXPECT_TRUE(prove_consistency(nodes, 0, 1000).value().empty());
  EXPECT_TRUE(prove_consistency(nodes, 1000, 1000).value().empty());
}

TEST(Proof, ATileOfTheWrongSizeIsAnError) {
  class ShortTiles final : public TileReader {
   public:
    Result<std::string> read_tile(const TileId&, unsigned) override { return std::string(31, 'x'); }
  } tiles;
  TileNodeReader nodes(tiles, 1);
  EXPECT_EQ(nodes.read_node(0, 0).error().code, ErrorCode::internal);
}

// Invented roots to which the superfluous hash leads: only counting levels finds it.
TEST(Proof, TooLongProofsAreRefusedEvenIfTheRootsFit) {
  const std::vector<Hash> leaves = make_leaves(4);
  const Hash extra = zero_hash;
  EXPECT_FALSE(verify_inclusion(leaves[0], 0, 1, {extra}, hash_node(extra, leaves[0])).has_value());
  EXPECT_FALSE(verify_inclusion(leaves[0], 0, 1, {extra}, hash_node(leaves[0], extra)).has_value());
  Proof proof = naive::consistency(3, leaves);
  const Hash first_root = naive::root(naive::Leaves(leaves).first(3));
  const Hash second_root = naive::root(leaves);
  ASSERT_TRUE(verify_consistency(3, 4, first_root, second_root, proof).has_value());
  proof.push_back(extra);
  EXPECT_FALSE(
      verify_consistency(3, 4, hash_node(extra, first_root), hash_node(extra, second_root), proof).has_value());
}

TEST(Proof, ConsistencyWithTheEmptyTree) {
  EXPECT_TRUE(verify_consistency(0, 0, empty_root(), empty_root(), {}).has_value());
  EXPECT_FALSE(verify_consistency(0, 0, zero_hash, zero_hash, {}).has_value());
  EXPECT_FALSE(verify_consistency(0, 1, empty_root(), zero_hash, {}).has_value());
}

}  // namespace
}  // namespace vault
