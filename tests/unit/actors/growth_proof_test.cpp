#include "actors/growth_proof.hpp"

#include <gtest/gtest.h>

#include <string>

#include "ledger/merkle_hash.hpp"

namespace vault {
namespace {

TEST(ProveGrowth, VerifiesForEveryPairOfSizes) {
  std::vector<Hash> leaves;
  std::vector<Frontier> frontiers(1);
  for (int i = 0; i < 70; ++i) {
    leaves.push_back(hash_leaf(std::to_string(i)));
    frontiers.push_back(frontiers.back());
    frontiers.back().append(leaves.back());
  }
  EXPECT_TRUE(prove_growth(Frontier(), leaves).empty());
  for (std::size_t first = 1; first < frontiers.size(); ++first) {
    for (std::size_t second = first; second < frontiers.size(); ++second) {
      const std::vector<Hash> grown(leaves.begin() + static_cast<std::ptrdiff_t>(first),
                                    leaves.begin() + static_cast<std::ptrdiff_t>(second));
      const Proof proof = prove_growth(frontiers[first], grown);
      const Status verified =
          verify_consistency(first, second, frontiers[first].root(), frontiers[second].root(), proof);
      ASSERT_TRUE(verified) << first << " -> " << second << ": " << verified.error().message;
    }
  }
}

}  // namespace
}  // namespace vault
