#include "ledger/leaf.hpp"

#include <gtest/gtest.h>

#include "ledger/merkle_hash.hpp"
#include "tests/unit/ledger/row_fixture.hpp"

namespace vault {
namespace {

std::string leaf_of(const Entry& entry) {
  std::string leaf;
  append_leaf_data(entry, leaf);
  return leaf;
}

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  const auto at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), by);
}

TEST(Leaf, ReadsWhatWasSealed) {
  LedgerState state;
  for (const Entry& entry : make_entries(12, state)) {
    const auto read = parse_leaf_data(leaf_of(entry));
    ASSERT_TRUE(read.has_value()) << read.error().message;
    Entry expected = entry;  // without the members that a leaf lacks
    expected.seal_data.reset();
    expected.data_salt.reset();
    expected.merkle_root = {};
    EXPECT_EQ(*read, expected);
  }
}

TEST(Leaf, NamesNeedEscapes) {
  LedgerState state;
  Entry entry = make_entries(1, state)[0];
  entry.session_id = "a \"quoted\" \\ name, caf\u00e9 \U0001F512";
  const auto read = parse_leaf_data(leaf_of(entry));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->session_id, entry.session_id);
}

TEST(Leaf, RefusesEverythingElse) {
  LedgerState state;
  const std::string good = leaf_of(make_entries(2, state)[1]);
  ASSERT_TRUE(parse_leaf_data(good).has_value());
  for (const auto& [what, by] : std::vector<std::pair<std::string, std::string>>{
           {"\"v\":1", "\"v\":2"},
           {"\"v\":1,", ""},
           {"\"v\":1", "\"v\":1,\"w\":1"},
           {"\"v\":1", "\"v\": 1"},
           {"\"v\":1", "\"v\":1.0"},
           {"\"v\":1", "\"v\":1,\"v\":1"},
           {"\"sequence\":2", "\"sequence\":0"},
           {"\"sequence\":2", "\"sequence\":-2"},
           {"\"sequence\":2", "\"sequence\":\"2\""},
           {"\"sequence\":2", "\"sequence\":9223372036854775808"},
           {"auditor", ""},
           {"auditor", "a\\u0007"},
           {"auditor", "\\u0061uditor"},
           {"\"authority\":\"auditor\"", "\"authority\":null"},
           {"2026-", "2026_"},
           {"\"PARTIAL\"", "\"PARTIALLY\""},
           {"\"seal_id\":\"0", "\"seal_id\":\"A"},
           {"\"data_hash\":\"", "\"data_hash\":\"0"},
           {"{", "[{"},
           {"}", "} "},
       }) {
    const auto read = parse_leaf_data(replaced(good, what, by));
    ASSERT_FALSE(read.has_value()) << what << " by " << by;
    EXPECT_EQ(read.error().code, ErrorCode::invalid_argument);
  }
  EXPECT_FALSE(parse_leaf_data("").has_value());
  EXPECT_FALSE(parse_leaf_data("null").has_value());
  EXPECT_FALSE(parse_leaf_data("{}").has_value());
}

TEST(Leaf, FollowsTheOneBefore) {
  LedgerState state;
  const std::vector<Entry> entries = make_entries(3, state);
  EXPECT_TRUE(check_follows(entries[0], 1, zero_hash, Timestamp{INT64_MAX}));
  EXPECT_TRUE(check_follows(entries[1], 2, entries[0].entry_hash, entries[0].timestamp));
  EXPECT_TRUE(check_follows(entries[1], 2, entries[0].entry_hash, entries[1].timestamp));
  EXPECT_FALSE(check_follows(entries[1], 2, entries[0].entry_hash, entries[2].timestamp));
  EXPECT_FALSE(check_follows(entries[1], 3, entries[0].entry_hash, entries[0].timestamp));
  EXPECT_FALSE(check_follows(entries[1], 2, entries[2].entry_hash, entries[0].timestamp));
}

}  // namespace
}  // namespace vault
