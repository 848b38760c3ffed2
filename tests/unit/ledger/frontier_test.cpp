#include "ledger/frontier.hpp"

#include <gtest/gtest.h>

#include <bit>

#include "ledger/merkle_hash.hpp"
#include "tests/property/naive_merkle.hpp"
#include "tests/unit/ledger/memory_tiles.hpp"

namespace vault {
namespace {

TEST(Frontier, EmptyTreeHasTheHashOfNothing) {
  EXPECT_EQ(to_hex(Frontier().root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Frontier().size(), 0u);
}

TEST(Frontier, RootsOfTheKnownEightLeaves) {
  // Leaves and roots from the tests of Certificate Transparency implementations.
  const char* leaves[] = {
      "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"};
  const char* roots[] = {"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                         "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
                         "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
                         "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                         "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
                         "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
                         "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
                         "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};
  Frontier frontier;
  for (std::size_t i = 0; i < std::size(leaves); ++i) {
    std::string leaf(std::string_view(leaves[i]).size() / 2, '\0');
    ASSERT_TRUE(parse_hex(leaves[i], reinterpret_cast<std::uint8_t*>(leaf.data()), leaf.size()));
    frontier.append(hash_leaf(leaf));
    EXPECT_EQ(to_hex(frontier.root()), roots[i]) << i + 1 << " leaves";
  }
}

TEST(Frontier, HoldsOneRootForEachOneBitOfTheSize) {
  Frontier frontier;
  const std::vector<Hash> leaves = make_leaves(300);
  for (std::size_t n = 1; n <= leaves.size(); ++n) {
    frontier.append(leaves[n - 1]);
    ASSERT_EQ(frontier.size(), n);
    ASSERT_EQ(frontier.roots().size(), static_cast<std::size_t>(std::popcount(n)));
    ASSERT_EQ(frontier.root(), naive::root(naive::Leaves(leaves).first(n)));
  }
}

TEST(Frontier, ContinuesFromItsRoots) {
  const std::vector<Hash> leaves = make_leaves(50);
  Frontier grown;
  for (const Hash& leaf : leaves) {
    Frontier resumed(grown.size(), grown.roots());
    grown.append(leaf);
    resumed.append(leaf);
    ASSERT_EQ(resumed, grown);
  }
}

TEST(FrontierDeathTest, RefusesTheWrongNumberOfRoots) {
  EXPECT_DEATH(Frontier(3, {zero_hash}), "CHECK failed");
}

}  // namespace
}  // namespace vault
