#include "ledger/sequencer.hpp"

#include <gtest/gtest.h>

#include "ledger/limits.hpp"
#include "ledger/merkle_hash.hpp"
#include "tests/property/naive_merkle.hpp"
#include "tests/unit/ledger/vector_file.hpp"

namespace vault {
namespace {

Seal make_seal(std::uint8_t number) {
  Seal seal{"session", "authority", Verdict::seal, R"({"n":)" + std::to_string(number) + "}", Uuid{}};
  seal.seal_id->bytes[15] = number;
  return seal;
}

TEST(Sequencer, TheThreeEntriesOfTheVectors) {
  const nlohmann::json vectors = load_vectors("entries.json");
  LedgerState state;
  for (const auto& expected : vectors["entries"]) {
    const auto& fields = expected["entry"];
    const Seal seal{fields["session_id"], fields["authority"],
                    parse_verdict(fields["verdict"].get<std::string>()).value(), expected["seal_data_canonical"],
                    parse_uuid(fields["seal_id"].get<std::string>()).value()};
    const SealInput input{&seal, salt_from_hex(fields["data_salt"].get<std::string>()).value()};
    const Timestamp now = parse_timestamp(fields["timestamp"].get<std::string>()).value();
    const SequencedBatch batch = sequence_seals(state, {&input, 1}, now);
    ASSERT_EQ(batch.entries.size(), 1u);
    const Entry& entry = batch.entries[0];
    EXPECT_EQ(entry.sequence, fields["sequence"]);
    EXPECT_EQ(to_hex(entry.prev_hash), fields["prev_hash"]);
    EXPECT_EQ(to_hex(entry.data_hash), expected["data_hash"]);
    EXPECT_EQ(to_hex(entry.entry_hash), expected["entry_hash"]);
    EXPECT_EQ(to_hex(entry.merkle_root), expected["merkle_root"]);
    EXPECT_EQ(entry.session_id, seal.session_id);
    EXPECT_EQ(entry.seal_id, *seal.seal_id);
    EXPECT_EQ(entry.seal_data, seal.seal_data);
    EXPECT_EQ(entry.data_salt, input.salt);
    EXPECT_EQ(entry.timestamp, now);
    EXPECT_EQ(state.head, (Head{entry.sequence, entry.entry_hash, entry.merkle_root, now}));
    EXPECT_EQ(state.edge.root(), entry.merkle_root);
  }
}

TEST(Sequencer, AnEmptyBatchChangesNothing) {
  LedgerState state;
  const SequencedBatch batch = sequence_seals(state, {}, Timestamp{5});
  EXPECT_TRUE(batch.entries.empty());
  EXPECT_TRUE(batch.tiles.empty());
  EXPECT_EQ(state, LedgerState());
}

TEST(Sequencer, TimeNeverRunsBackwards) {
  LedgerState state;
  const Seal seal = make_seal(1);
  const SealInput input{&seal, {}};
  // Before the epoch is fine for the first entry: there is nothing before it.
  EXPECT_EQ(sequence_seals(state, {&input, 1}, Timestamp{-5}).entries[0].timestamp, Timestamp{-5});
  EXPECT_EQ(sequence_seals(state, {&input, 1}, Timestamp{100}).entries[0].timestamp, Timestamp{100});
  EXPECT_EQ(sequence_seals(state, {&input, 1}, Timestamp{50}).entries[0].timestamp, Timestamp{100});
  EXPECT_EQ(sequence_seals(state, {&input, 1}, Timestamp{101}).entries[0].timestamp, Timestamp{101});
  EXPECT_EQ(state.head.timestamp, Timestamp{101});
}

TEST(Sequencer, BatchesCutAnywhereGiveTheSameLedger) {
  std::vector<Seal> seals;
  std::vector<SealInput> inputs;
  for (int i = 0; i < 700; ++i) seals.push_back(make_seal(static_cast<std::uint8_t>(i)));
  for (const Seal& seal : seals) inputs.push_back({&seal, Salt{static_cast<std::uint8_t>(inputs.size())}});
  LedgerState whole;
  const SequencedBatch all = sequence_seals(whole, inputs, Timestamp{1});
  ASSERT_EQ(all.tiles.size(), 2u);

  for (const std::size_t step : {1u, 3u, 255u, 256u, 257u}) {
    LedgerState state;
    std::vector<Entry> entries;
    std::vector<Tile> tiles;
    for (std::size_t i = 0; i < inputs.size(); i += step) {
      SequencedBatch part =
          sequence_seals(state, std::span(inputs).subspan(i, std::min(step, inputs.size() - i)), Timestamp{1});
      entries.insert(entries.end(), part.entries.begin(), part.entries.end());
      tiles.insert(tiles.end(), part.tiles.begin(), part.tiles.end());
    }
    EXPECT_EQ(entries, all.entries);
    EXPECT_EQ(tiles, all.tiles);
    EXPECT_EQ(state, whole);
  }

  std::vector<Hash> leaves;
  for (const Entry& entry : all.entries) {
    EXPECT_EQ(entry.prev_hash, leaves.empty() ? zero_hash : leaves.back());
    leaves.push_back(entry.entry_hash);
    ASSERT_EQ(entry.merkle_root, naive::root(leaves));
  }
}

TEST(SequencerDeathTest, BrokenInvariantsEndIt) {
  LedgerState state;
  Seal seal = make_seal(1);
  const SealInput input{&seal, {}};
  seal.seal_id.reset();
  EXPECT_DEATH(sequence_seals(state, {&input, 1}, Timestamp{}), "CHECK failed.*seal_id");
  seal = make_seal(1);
  state.head.sequence = 1;
  EXPECT_DEATH(sequence_seals(state, {&input, 1}, Timestamp{}), "CHECK failed.*edge");
}

}  // namespace
}  // namespace vault
