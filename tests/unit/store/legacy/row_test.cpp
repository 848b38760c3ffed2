#include "store/legacy/row.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "ledger/sha256.hpp"
#include "store/legacy/chain.hpp"
#include "store/legacy/numbers.hpp"
#include "store/legacy/tree.hpp"

namespace vault {
namespace {

using nlohmann::json;
using Texts = std::vector<std::string>;

// Hashes that Python's hashlib and json gave for these rows (tests/support/old_service.py).
LegacyRow first_row() {
  LegacyRow row;
  row.sequence = 1;
  row.session_id = "t-0";
  row.seal_id = "00000000-0000-4000-8000-000000000001";
  row.timestamp = "2025-11-03T08:00:00+00:00";
  row.authority = "prüfer";
  row.verdict = "SEAL";
  row.seal_data = R"({"b": [1, 0.5], "a": "é"})";
  row.prev_hash = std::string(64, '0');
  row.entry_hash = "73a01a097ed35378a72016e9e338cc6e0c12b9bf0220086d37c70bdfa428ecf7";
  row.merkle_root = row.entry_hash;
  return row;
}

LegacyRow row_after(const LegacyRow& before, std::int64_t sequence) {
  LegacyRow row = before;
  row.sequence = sequence;
  row.prev_hash = before.entry_hash;
  row.entry_hash = check_row_hash(row).computed;
  return row;
}

TEST(LegacyNumbers, WhatPythonMayHaveWritten) {
  EXPECT_EQ(python_spellings("10000000000000000"), (Texts{"10000000000000000", "1e+16"}));
  EXPECT_EQ(python_spellings("-15000000000000000"), (Texts{"-15000000000000000", "-1.5e+16"}));
  EXPECT_EQ(python_spellings("12345678901234568"), (Texts{"12345678901234568", "1.2345678901234568e+16"}));
  EXPECT_EQ(python_spellings("12345678901234567"), Texts{"12345678901234567"}) << "no double has these digits";
  EXPECT_EQ(python_spellings("1000000000000000"), Texts{"1000000000000000"});
  EXPECT_EQ(python_spellings("0.0"), (Texts{"0.0", "-0.0"}));
  EXPECT_EQ(python_spellings("0.0000001"), Texts{"1e-07"});
  EXPECT_EQ(python_spellings("-0.00001234"), Texts{"-1.234e-05"});
  EXPECT_EQ(python_spellings("0." + std::string(323, '0') + "5"), Texts{"5e-324"});
  EXPECT_EQ(python_spellings("1" + std::string(300, '0')).back(), "1e+300");
  for (const char* kept : {"0", "-1", "0.1", "1.0", "0.0001", "123456.789", "1e+16"}) {
    EXPECT_EQ(python_spellings(kept), Texts{kept});
  }
  const std::string beyond = "1" + std::string(400, '0');
  EXPECT_EQ(python_spellings(beyond), Texts{beyond});
}

TEST(LegacyTree, IsTheRuleAppliedToEachPrefix) {
  const auto slowly = [](Texts level) {
    while (level.size() > 1) {
      if (level.size() % 2 == 1) level.push_back(level.back());
      Texts above;
      for (std::size_t i = 0; i < level.size(); i += 2) above.push_back(to_hex(sha256(level[i] + level[i + 1])));
      level = above;
    }
    return level.front();
  };
  LegacyTree tree;
  EXPECT_EQ(tree.root(), to_hex(sha256("EMPTY_LEDGER")));
  Texts leaves;
  for (int i = 0; i < 70; ++i) {
    leaves.push_back(to_hex(sha256(std::to_string(i))));
    EXPECT_EQ(tree.root_with(leaves.back()), slowly(leaves));
    tree.push(leaves.back());
    EXPECT_EQ(tree.root(), slowly(leaves)) << i;
  }
}

TEST(LegacyRow, TheHashIsPythons) {
  const LegacyRow row = first_row();
  EXPECT_EQ(check_row_hash(row).outcome, LegacyHash::valid);
  for (auto column : {&LegacyRow::session_id, &LegacyRow::seal_id, &LegacyRow::timestamp, &LegacyRow::authority,
                      &LegacyRow::verdict, &LegacyRow::prev_hash}) {
    LegacyRow other = row;
    *(other.*column) += "x";
    EXPECT_EQ(check_row_hash(other).outcome, LegacyHash::invalid);
    other.*column = std::nullopt;
    EXPECT_EQ(check_row_hash(other).outcome, LegacyHash::invalid);
  }
}

TEST(LegacyRow, ATextThatJsonbDidNotKeepIsNotAFault) {
  LegacyRow row = first_row();
  row.seal_data = R"({"x": 1e+16, "y": [-0.0, 0.0], "z": 1e-07})";
  row.entry_hash = check_row_hash(row).computed;
  row.seal_data = R"({"x": 10000000000000000, "y": [0.0, 0.0], "z": 0.0000001})";
  EXPECT_EQ(check_row_hash(row).outcome, LegacyHash::invalid) << "text keeps what was written";
  row.jsonb = true;
  EXPECT_EQ(check_row_hash(row).outcome, LegacyHash::unknown);
  const auto item = read_legacy_row(row, check_row_hash(row), {});
  ASSERT_TRUE(item.record);
  EXPECT_FALSE(item.problem);
  EXPECT_TRUE(json::parse(item.record->seal.seal_data).at("legacy_hash_valid").is_null());
  row.seal_data = R"({"x": 10000000000000001, "y": [0.0, 0.0], "z": 0.0000001})";
  EXPECT_EQ(check_row_hash(row).outcome, LegacyHash::invalid) << "no text of that value has the hash";
}

TEST(LegacyRow, WhatIsKept) {
  const LegacyRow row = first_row();
  const auto item = read_legacy_row(row, check_row_hash(row), {});
  ASSERT_TRUE(item.record);
  EXPECT_EQ(item.record->seal.session_id, "t-0");
  EXPECT_EQ(item.record->place.line, 1);
  const json data = json::parse(item.record->seal.seal_data);
  EXPECT_EQ(data.at("legacy_kind"), "database");
  EXPECT_EQ(data.at("legacy_source"), "vault_ledger");
  EXPECT_EQ(data.at("legacy_data").at("seal_data"), (json{{"a", "é"}, {"b", {1, 0.5}}}));
  EXPECT_EQ(data.at("legacy_data").at("sequence"), 1);
  EXPECT_EQ(data.at("legacy_hash_valid"), true);
  EXPECT_EQ(data.at("legacy_chain_valid"), true);
  EXPECT_EQ(data.at("legacy_root_valid"), true);
}

TEST(LegacyRow, ARowThatIsTooLargeOrNoUtf8IsNamedAndNotSealed) {
  LegacyRow row = first_row();
  row.bytes = std::uint64_t{1} << 30;
  auto item = read_legacy_row(row, check_row_hash(row), {});
  EXPECT_FALSE(item.record);
  EXPECT_NE(item.problem->reason.find("larger than"), std::string::npos);
  row = first_row();
  row.session_id = "\xff";
  item = read_legacy_row(row, check_row_hash(row), {});
  EXPECT_FALSE(item.record);
  EXPECT_NE(item.problem->reason.find("UTF-8"), std::string::npos);
}

TEST(LegacyChain, ADamagedRowDoesNotDamageThoseAfterIt) {
  std::vector<LegacyRow> rows{first_row()};
  LegacyTree tree;
  tree.push(*rows.front().entry_hash);
  for (std::int64_t sequence = 3; sequence < 40; sequence += 2) {  // gaps mean nothing
    rows.push_back(row_after(rows.back(), sequence));
    tree.push(*rows.back().entry_hash);
    rows.back().merkle_root = tree.root();
  }
  const auto faulty = [](const std::vector<LegacyRow>& all) {
    LegacyChain chain;
    std::vector<std::int64_t> out;
    for (const LegacyRow& row : all) {
      const LegacyLinks links = chain.take(row, check_row_hash(row));
      if (!links.chain_valid || !links.root_valid) out.push_back(row.sequence);
    }
    EXPECT_EQ(chain.check_head(all.back().entry_hash, all.back().merkle_root), "");
    EXPECT_NE(chain.check_head(std::string(64, 'a'), all.back().merkle_root), "");
    return out;
  };
  EXPECT_EQ(faulty(rows), std::vector<std::int64_t>{});
  auto damaged = rows;
  damaged[5].entry_hash = std::string(64, 'a');
  EXPECT_EQ(faulty(damaged), std::vector<std::int64_t>{}) << "the row's own hash tells";
  damaged = rows;
  damaged[5].merkle_root = std::string(64, 'a');
  EXPECT_EQ(faulty(damaged), std::vector<std::int64_t>{11});
  damaged = rows;
  damaged.erase(damaged.begin() + 5);
  EXPECT_EQ(faulty(damaged), std::vector<std::int64_t>{13});
}

TEST(LegacyChain, AnEmptyTableHasAHeadOfZeros) {
  const LegacyChain chain;
  EXPECT_EQ(chain.check_head(std::nullopt, std::nullopt), "");
  EXPECT_EQ(chain.check_head(std::string(64, '0'), to_hex(sha256("EMPTY_LEDGER"))), "");
  EXPECT_NE(chain.check_head(std::string(64, 'a'), std::nullopt), "");
}

}  // namespace
}  // namespace vault
