// Properties of the tree: everything that ledger/ computes incrementally equals the recursion of RFC 6962.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "ledger/canonical_json.hpp"
#include "ledger/proof.hpp"
#include "tests/property/naive_merkle.hpp"
#include "tests/unit/ledger/memory_tiles.hpp"
#include "tests/unit/ledger/row_fixture.hpp"

namespace vault {
namespace {

naive::Leaves first(const std::vector<Hash>& leaves, std::uint64_t count) {
  return naive::Leaves(leaves).first(count);
}

TEST(TreeProperty, EveryProofOfEverySmallTree) {
  constexpr std::size_t size_max = 70;
  const std::vector<Hash> leaves = make_leaves(size_max);
  MemoryTiles tiles;
  for (std::size_t size = 1; size <= size_max; ++size) {
    tiles.append(leaves[size - 1]);
    const Hash root = naive::root(first(leaves, size));
    ASSERT_EQ(tiles.edge().root(), root);
    TileNodeReader nodes(tiles, size);
    for (std::size_t index = 0; index < size; ++index) {
      const Proof proof = prove_inclusion(nodes, index, size).value();
      ASSERT_EQ(proof, naive::path(index, first(leaves, size))) << index << " of " << size;
      ASSERT_TRUE(verify_inclusion(leaves[index], index, size, proof, root).has_value()) << index << " of " << size;
    }
    for (std::size_t old_size = 1; old_size <= size; ++old_size) {
      const Proof proof = prove_consistency(nodes, old_size, size).value();
      ASSERT_EQ(proof, naive::consistency(old_size, first(leaves, size))) << old_size << " to " << size;
      ASSERT_TRUE(verify_consistency(old_size, size, naive::root(first(leaves, old_size)), root, proof).has_value())
          << old_size << " to " << size;
    }
  }
}

// One tree of three tile levels for all random cases; smaller sizes are read as its past.
class LargeTree {
 public:
  static constexpr std::uint64_t size_max = 70'000;
  static LargeTree& get() {
    static LargeTree tree;
    return tree;
  }
  std::vector<Hash> leaves = make_leaves(size_max);
  MemoryTiles tiles;

 private:
  LargeTree() {
    for (const Hash& leaf : leaves) tiles.append(leaf);
  }
};

// Sizes anywhere, and around the borders of tiles.
rc::Gen<std::uint64_t> tree_size() {
  return rc::gen::oneOf(rc::gen::inRange<std::uint64_t>(1, LargeTree::size_max + 1),
                        rc::gen::inRange<std::uint64_t>(1, 600),
                        rc::gen::map(rc::gen::inRange<std::uint64_t>(1, 273),
                                     [](std::uint64_t tile) { return tile * 256 + (tile % 3) - 1; }),
                        rc::gen::inRange<std::uint64_t>(65'534, 65'540));
}

RC_GTEST_PROP(TreeProperty, RootAndEdgeOfAnySize, ()) {
  LargeTree& tree = LargeTree::get();
  const std::uint64_t size = *tree_size();
  const Hash root = naive::root(first(tree.leaves, size));
  TileNodeReader nodes(tree.tiles, size);
  RC_ASSERT(root_of_size(nodes, size).value() == root);
  const TreeEdge loaded = load_edge(tree.tiles, size).value();
  RC_ASSERT(loaded.root() == root);
  // Grown on from the loaded edge, the rest of the tree comes out the same, tiles included.
  TreeEdge edge = loaded;
  std::vector<Tile> finished;
  const std::uint64_t end = std::min<std::uint64_t>(size + 300, LargeTree::size_max);
  for (std::uint64_t i = size; i < end; ++i) edge.append(tree.leaves[i], finished);
  RC_ASSERT(edge == load_edge(tree.tiles, end).value());
  for (const Tile& tile : finished) {
    const auto& known = tree.tiles.finished();
    RC_ASSERT(std::find(known.begin(), known.end(), tile) != known.end());
  }
}

RC_GTEST_PROP(TreeProperty, InclusionInAnySize, ()) {
  LargeTree& tree = LargeTree::get();
  const std::uint64_t size = *tree_size();
  const std::uint64_t index = *rc::gen::inRange<std::uint64_t>(0, size);
  TileNodeReader nodes(tree.tiles, LargeTree::size_max);
  const Proof proof = prove_inclusion(nodes, index, size).value();
  RC_ASSERT(proof == naive::path(index, first(tree.leaves, size)));
  RC_ASSERT(verify_inclusion(tree.leaves[index], index, size, proof, root_of_size(nodes, size).value()).has_value());
}

RC_GTEST_PROP(TreeProperty, ConsistencyOfAnyTwoSizes, ()) {
  LargeTree& tree = LargeTree::get();
  const std::uint64_t size = *tree_size();
  const std::uint64_t old_size = *rc::gen::inRange<std::uint64_t>(1, size + 1);
  TileNodeReader nodes(tree.tiles, size);
  const Proof proof = prove_consistency(nodes, old_size, size).value();
  RC_ASSERT(proof == naive::consistency(old_size, first(tree.leaves, size)));
  RC_ASSERT(verify_consistency(old_size, size, root_of_size(nodes, old_size).value(), root_of_size(nodes, size).value(),
                               proof)
                .has_value());
}

// Changes one proof in one random way that cannot leave it unchanged.
Proof mutate(Proof proof) {
  const bool can_shrink = !proof.empty();
  switch (*rc::gen::inRange(0, can_shrink ? 4 : 1)) {
    case 0:
      proof.insert(proof.begin() + *rc::gen::inRange<std::ptrdiff_t>(0, std::ssize(proof) + 1), make_leaves(1)[0]);
      break;
    case 1:
      proof.erase(proof.begin() + *rc::gen::inRange<std::ptrdiff_t>(0, std::ssize(proof)));
      break;
    case 2: {
      Hash& hash = proof[*rc::gen::inRange<std::size_t>(0, proof.size())];
      hash[*rc::gen::inRange<std::size_t>(0, hash.size())] ^= static_cast<std::uint8_t>(*rc::gen::inRange(1, 256));
      break;
    }
    default:
      proof.resize(*rc::gen::inRange<std::size_t>(0, proof.size()));
  }
  return proof;
}

RC_GTEST_PROP(TreeProperty, MutatedInclusionProofsFail, ()) {
  LargeTree& tree = LargeTree::get();
  const std::uint64_t size = *tree_size();
  const std::uint64_t index = *rc::gen::inRange<std::uint64_t>(0, size);
  TileNodeReader nodes(tree.tiles, size);
  const Hash root = root_of_size(nodes, size).value();
  const Proof proof = prove_inclusion(nodes, index, size).value();
  const Hash& leaf = tree.leaves[index];
  RC_ASSERT(!verify_inclusion(leaf, index, size, mutate(proof), root).has_value());
  const std::uint64_t other = *rc::gen::inRange<std::uint64_t>(0, size + 3);
  if (other != index) RC_ASSERT(!verify_inclusion(leaf, other, size, proof, root).has_value());
  Hash wrong = leaf;
  wrong[*rc::gen::inRange<std::size_t>(0, 32)] ^= 0x10;
  RC_ASSERT(!verify_inclusion(wrong, index, size, proof, root).has_value());
  RC_ASSERT(!verify_inclusion(leaf, index, size, proof, wrong).has_value());
}

RC_GTEST_PROP(TreeProperty, MutatedConsistencyProofsFail, ()) {
  LargeTree& tree = LargeTree::get();
  const std::uint64_t size = *tree_size();
  const std::uint64_t old_size = *rc::gen::inRange<std::uint64_t>(1, size + 1);
  TileNodeReader nodes(tree.tiles, size);
  const Hash old_root = root_of_size(nodes, old_size).value();
  const Hash root = root_of_size(nodes, size).value();
  const Proof proof = prove_consistency(nodes, old_size, size).value();
  RC_ASSERT(!verify_consistency(old_size, size, old_root, root, mutate(proof)).has_value());
  Hash wrong = old_root;
  wrong[*rc::gen::inRange<std::size_t>(0, 32)] ^= 0x10;
  RC_ASSERT(!verify_consistency(old_size, size, wrong, root, proof).has_value());
  RC_ASSERT(!verify_consistency(old_size, size, old_root, wrong, proof).has_value());
}

// Arbitrary arguments: an answer, never a crash, and never yes to an invented root.
RC_GTEST_PROP(TreeProperty, VerificationSurvivesAnything, ()) {
  const auto number = rc::gen::oneOf(
      rc::gen::arbitrary<std::uint64_t>(), rc::gen::inRange<std::uint64_t>(0, 20),
      rc::gen::map(rc::gen::inRange<std::uint64_t>(0, 20), [](std::uint64_t n) { return UINT64_MAX - n; }));
  const std::uint64_t a = *number;
  const std::uint64_t b = *number;
  const Proof proof = make_leaves(*rc::gen::inRange<std::size_t>(0, 70));
  const Hash invented{0xab};
  RC_ASSERT(!verify_inclusion(make_leaves(1)[0], a, b, proof, invented).has_value());
  if (a != b) RC_ASSERT(!verify_consistency(a, b, invented, invented, proof).has_value());
}

rc::Gen<Seal> any_seal() {
  const auto name = rc::gen::map(rc::gen::nonEmpty(rc::gen::string<std::string>()), [](std::string text) {
    for (char& c : text) c = static_cast<char>(0x20 + static_cast<unsigned char>(c) % 0x5F);
    return text.substr(0, 256);
  });
  const auto id =
      rc::gen::map(rc::gen::container<std::array<std::uint8_t, 16>>(rc::gen::arbitrary<std::uint8_t>()),
                   [](const std::array<std::uint8_t, 16>& bytes) { return std::optional<Uuid>(Uuid{bytes}); });
  const auto payload = rc::gen::map(rc::gen::tuple(name, rc::gen::arbitrary<std::int64_t>()), [](const auto& parts) {
    std::string text("{\"a\":");
    append_string(std::get<0>(parts), text);
    return text + ",\"b\":[" + std::to_string(std::get<1>(parts)) + ",null]}";
  });
  return rc::gen::build<Seal>(
      rc::gen::set(&Seal::session_id, name), rc::gen::set(&Seal::authority, name),
      rc::gen::set(&Seal::verdict, rc::gen::map(rc::gen::inRange(0, 6), [](int v) { return static_cast<Verdict>(v); })),
      rc::gen::set(&Seal::seal_data, payload), rc::gen::set(&Seal::seal_id, id));
}

// The verifier accepts what the sequencer seals, and reaches the same state; it refuses a row with one changed bit.
RC_GTEST_PROP(TreeProperty, SequencerAndVerifierAgree, ()) {
  const auto seals = *rc::gen::nonEmpty(rc::gen::container<std::vector<Seal>>(any_seal()));
  LedgerState state;
  std::vector<StoredRow> rows;
  for (std::size_t i = 0; i < seals.size();) {
    std::vector<SealInput> inputs;
    const std::size_t end = *rc::gen::inRange<std::size_t>(i + 1, seals.size() + 1);
    for (; i < end; ++i) inputs.push_back({&seals[i], Salt{static_cast<std::uint8_t>(i)}});
    const Timestamp now{*rc::gen::inRange<std::int64_t>(-1'000'000, 2'000'000'000'000'000)};
    for (const Entry& entry : sequence_seals(state, inputs, now).entries) rows.push_back(StoredRow::from(entry));
  }
  Verifier verifier{LedgerState()};
  for (const StoredRow& row : rows) {
    const auto finding = verifier.feed(row.view());
    if (finding) RC_FAIL(finding->detail);
  }
  RC_ASSERT(verifier.state() == state);

  const std::size_t bad = *rc::gen::inRange<std::size_t>(0, rows.size());
  StoredRow& row = rows[bad];
  std::string* columns[] = {&row.session_id, &row.seal_id,    &row.authority, &row.verdict,    &*row.seal_data,
                            &*row.data_salt, &row.entry_hash, &row.prev_hash, &row.merkle_root};
  std::string& column = *columns[*rc::gen::inRange<std::size_t>(0, std::size(columns))];
  column[*rc::gen::inRange<std::size_t>(0, column.size())] ^= static_cast<char>(1 << *rc::gen::inRange(0, 8));
  Verifier second{LedgerState()};
  for (std::size_t i = 0; i < bad; ++i) RC_ASSERT(!second.feed(rows[i].view()).has_value());
  RC_ASSERT(second.feed(row.view()).has_value());
}

}  // namespace
}  // namespace vault
