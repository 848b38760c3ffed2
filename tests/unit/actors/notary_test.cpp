#include "actors/notary.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "ledger/merkle_hash.hpp"
#include "tests/unit/actors/recorded_effects.hpp"

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

class NotesInMemory final : public NotaryDisk {
 public:
  Result<SigningKey> load_key(const std::string& origin, bool) override {
    return SigningKey::from_seed(origin, hash_leaf("seed"));
  }
  Result<std::optional<std::string>> load_checkpoint() override { return note_; }
  Status save_checkpoint(const std::string& note) override {
    note_ = note;
    return {};
  }

 private:
  std::optional<std::string> note_;
};

// The answer to what was stored before the lease went and came again says nothing about what is being stored now.
TEST(Notary, TakesNoLateAnswerForTheOneItWaitsFor) {
  NotesInMemory disk;
  RecordedEffects effects;
  Notary notary(disk, {});
  Adopt adopt;
  adopt.head = empty_head();
  adopt.ledger_id = "5ea1c0de";
  adopt.epoch = 1;
  notary.handle(Message(adopt), effects);
  notary.round_done(effects);
  adopt.epoch = 2;
  notary.handle(Message(adopt), effects);
  notary.handle(TreeSlice{Frontier(), {}}, effects);
  const auto asked = effects.messages<StoreCheckpoint>(ActorId::steward);
  ASSERT_EQ(asked.size(), 1U);
  effects.time += std::chrono::seconds(1);
  EXPECT_FALSE(notary.stop(effects));
  ASSERT_EQ(effects.messages<StoreCheckpoint>(ActorId::steward).size(), 2U);
  notary.handle(StoreCheckpointAnswer{1, 0, fail(ErrorCode::forbidden, "another writer has taken over")}, effects);
  EXPECT_FALSE(notary.stop(effects));
  notary.handle(StoreCheckpointAnswer{2, 0, {}}, effects);
  EXPECT_TRUE(notary.stop(effects));
}

}  // namespace
}  // namespace vault
