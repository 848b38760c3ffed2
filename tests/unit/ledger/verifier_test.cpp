#include "ledger/verifier.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "ledger/merkle_hash.hpp"
#include "tests/unit/ledger/row_fixture.hpp"
#include "tests/unit/ledger/vector_file.hpp"

namespace vault {
namespace {

using Rows = std::vector<StoredRow>;

class VerifierTest : public ::testing::Test {
 protected:
  VerifierTest() { rows_ = rows_of(entries_); }

  static Rows rows_of(const std::vector<Entry>& entries) {
    Rows rows;
    for (const Entry& entry : entries) rows.push_back(StoredRow::from(entry));
    return rows;
  }

  // Feeds until the first finding.
  static std::optional<Finding> verify(const Rows& rows, Verifier& verifier) {
    for (const StoredRow& row : rows) {
      if (std::optional<Finding> finding = verifier.feed(row.view())) return finding;
    }
    return std::nullopt;
  }
  static std::optional<Finding> verify(const Rows& rows) {
    Verifier verifier{LedgerState()};
    return verify(rows, verifier);
  }

  // Tampers with row 5 of 10 and says what is found.
  std::string tampered(const std::function<void(StoredRow&)>& change) const {
    Rows rows = rows_;
    change(rows[4]);
    Verifier verifier{LedgerState()};
    const std::optional<Finding> finding = verify(rows, verifier);
    if (!finding) return "nothing";
    EXPECT_EQ(finding->sequence, 5);
    EXPECT_FALSE(finding->detail.empty());
    EXPECT_EQ(verifier.state().head.sequence, 4) << "the state stays at the last good row";
    EXPECT_EQ(verifier.state().head.entry_hash, entries_[3].entry_hash);
    EXPECT_EQ(verifier.state().edge.root(), entries_[3].merkle_root);
    EXPECT_FALSE(verifier.feed(rows_[4].view()).has_value()) << "and goes on from there";
    return std::string(finding_name(finding->reason));
  }

  LedgerState state_;
  std::vector<Entry> entries_ = make_entries(10, state_);
  Rows rows_;
};

TEST_F(VerifierTest, GoodRowsAmountToTheSequencersState) {
  Verifier verifier{LedgerState()};
  EXPECT_FALSE(verify(rows_, verifier).has_value());
  EXPECT_EQ(verifier.state(), state_);
}

TEST_F(VerifierTest, TheVectorsVerifyAsJsonbPrintsThem) {
  const nlohmann::json vectors = load_vectors("entries.json");
  // jsonb's order of members and spacing; numbers as numeric prints them.
  const char* stored[] = {
      "{\"e\": 1000000000000000000000, \"f\": 1152921504606847000, \"n\": 1767225600123456789, \"z\": 0, "
      "\"big\": 18446744073709551615, \"query\": \"na\u00efve\", \"score\": 0.1, "
      "\"nested\": {\"a\": \"\u2028\U0001F512\", \"b\": [true, false, null]}}",
      "{}", "{\"k\u20ac\": 1, \"text\": \"tab\\tquote\\\"back\\\\slash/\x7f\", \"k\U0001F600\": 2, \"k\uFB33\": 3}"};
  Verifier verifier{LedgerState()};
  for (std::size_t i = 0; i < 3; ++i) {
    const auto& vector = vectors["entries"][i];
    const auto& fields = vector["entry"];
    const Uuid id = parse_uuid(fields["seal_id"].get<std::string>()).value();
    StoredRow row{fields["sequence"],
                  fields["session_id"],
                  std::string(as_view(id.bytes)),
                  parse_timestamp(fields["timestamp"].get<std::string>())->micros,
                  fields["authority"],
                  fields["verdict"],
                  stored[i],
                  std::string(as_view(*salt_from_hex(fields["data_salt"].get<std::string>()))),
                  std::nullopt,
                  vector["entry_hash"],
                  fields["prev_hash"],
                  vector["merkle_root"]};
    const std::optional<Finding> finding = verifier.feed(row.view());
    EXPECT_FALSE(finding.has_value()) << i << ": " << finding->detail;
    EXPECT_EQ(entry_from_row(row.view()).value().seal_data, vector["seal_data_canonical"].get<std::string>());
    EXPECT_EQ(to_hex(entry_from_row(row.view()).value().data_hash), vector["data_hash"]);
  }
}

TEST_F(VerifierTest, EveryColumnIsCovered) {
  EXPECT_EQ(tampered([](StoredRow&) {}), "nothing");
  EXPECT_EQ(tampered([](StoredRow& r) { r.session_id += "x"; }), "entry_hash_mismatch");
  EXPECT_EQ(tampered([](StoredRow& r) { r.seal_id[3] ^= 1; }), "entry_hash_mismatch");
  EXPECT_EQ(tampered([](StoredRow& r) { r.timestamp_micros += 1; }), "entry_hash_mismatch");
  EXPECT_EQ(tampered([](StoredRow& r) { r.authority = "mallory"; }), "entry_hash_mismatch");
  EXPECT_EQ(tampered([](StoredRow& r) { r.verdict = r.verdict == "VOID" ? "SEAL" : "VOID"; }), "entry_hash_mismatch");
  EXPECT_EQ(tampered([](StoredRow& r) { r.seal_data = "{\"n\": 5, \"text\": \"caf\u00e9\"}"; }), "entry_hash_mismatch");
  EXPECT_EQ(tampered([](StoredRow& r) { (*r.data_salt)[0] ^= 1; }), "entry_hash_mismatch");
  EXPECT_EQ(tampered([](StoredRow& r) { r.entry_hash[0] ^= 1; }), "entry_hash_mismatch");
  EXPECT_EQ(tampered([](StoredRow& r) { r.prev_hash = std::string(64, '0'); }), "entry_hash_mismatch");
  EXPECT_EQ(tampered([](StoredRow& r) { r.merkle_root[63] = r.merkle_root[63] == '0' ? '1' : '0'; }),
            "merkle_root_mismatch");
  EXPECT_EQ(tampered([](StoredRow& r) { r.sequence = 6; }), "sequence_gap");
}

TEST_F(VerifierTest, GarbageInAColumnIsAnEntryHashMismatch) {
  const std::string expected = "entry_hash_mismatch";
  EXPECT_EQ(tampered([](StoredRow& r) { r.session_id = ""; }), expected);
  EXPECT_EQ(tampered([](StoredRow& r) { r.session_id = "\xff"; }), expected);
  EXPECT_EQ(tampered([](StoredRow& r) { r.authority = "a\nb"; }), expected);
  EXPECT_EQ(tampered([](StoredRow& r) { r.authority = std::string(257, 'a'); }), expected);
  EXPECT_EQ(tampered([](StoredRow& r) { r.seal_id = "short"; }), expected);
  EXPECT_EQ(tampered([](StoredRow& r) { r.timestamp_micros = INT64_MAX; }), expected);
  EXPECT_EQ(tampered([](StoredRow& r) { r.timestamp_micros = INT64_MIN; }), expected);
  EXPECT_EQ(tampered([](StoredRow& r) { r.verdict = "seal"; }), expected);
  EXPECT_EQ(tampered([](StoredRow& r) { r.verdict = ""; }), expected);
  EXPECT_EQ(tampered([](StoredRow& r) { r.seal_data = "[1]"; }), expected);
  EXPECT_EQ(tampered([](StoredRow& r) { r.seal_data = "not json"; }), expected);
  EXPECT_EQ(tampered([](StoredRow& r) { r.seal_data = ""; }), expected);
  EXPECT_EQ(tampered([](StoredRow& r) { r.data_salt = "short"; }), expected);
  EXPECT_EQ(tampered([](StoredRow& r) { r.entry_hash = "nonsense"; }), expected);
  EXPECT_EQ(tampered([](StoredRow& r) { r.entry_hash[0] = 'G'; }), expected);
  EXPECT_EQ(tampered([](StoredRow& r) { r.prev_hash = ""; }), expected);
  EXPECT_EQ(tampered([](StoredRow& r) { r.merkle_root = ""; }), "merkle_root_mismatch");
}

TEST_F(VerifierTest, PayloadColumnsComeInTwoCombinationsOnly) {
  const Hash data_hash = entries_[4].data_hash;
  EXPECT_EQ(tampered([&](StoredRow& r) { r.erase(data_hash); }), "erasure_unexplained");
  const std::string expected = "entry_hash_mismatch";
  EXPECT_EQ(tampered([&](StoredRow& r) { r.data_hash = to_hex(data_hash); }), expected);
  EXPECT_EQ(tampered([&](StoredRow& r) { r.seal_data.reset(); }), expected);
  EXPECT_EQ(tampered([&](StoredRow& r) { r.data_salt.reset(); }), expected);
  EXPECT_EQ(tampered([&](StoredRow& r) { r.seal_data.reset(), r.data_salt.reset(); }), expected);
  EXPECT_EQ(tampered([&](StoredRow& r) { r.seal_data.reset(), r.data_hash = to_hex(data_hash); }), expected);
  EXPECT_EQ(tampered([&](StoredRow& r) { r.data_salt.reset(), r.data_hash = to_hex(data_hash); }), expected);
  EXPECT_EQ(tampered([&](StoredRow& r) { r.erase(zero_hash); }), expected);
}

TEST_F(VerifierTest, ARowRehashedAloneBreaksTheChainOrTheTree) {
  // Consistent in itself, but with a predecessor of its own choosing.
  Entry forged = entries_[4];
  forged.prev_hash[0] ^= 1;
  forged.entry_hash = compute_entry_hash(forged);
  EXPECT_EQ(tampered([&](StoredRow& r) { r = StoredRow::from(forged); }), "prev_hash_mismatch");
  // Consistent with the chain, but the root is the old one.
  forged = entries_[4];
  forged.authority = "mallory";
  forged.entry_hash = compute_entry_hash(forged);
  EXPECT_EQ(tampered([&](StoredRow& r) { r = StoredRow::from(forged); }), "merkle_root_mismatch");
}

TEST_F(VerifierTest, TimeThatRunsBackwardsIsFoundLast) {
  std::vector<Entry> entries = entries_;
  entries[4].timestamp.micros = entries[3].timestamp.micros - 1;
  rehash(entries);
  const std::optional<Finding> finding = verify(rows_of(entries));
  ASSERT_TRUE(finding.has_value());
  EXPECT_EQ(finding->sequence, 5);
  EXPECT_EQ(finding->reason, FindingReason::timestamp_regression);
  entries[4].timestamp = entries[3].timestamp;
  rehash(entries);
  EXPECT_FALSE(verify(rows_of(entries)).has_value()) << "equal times are fine";
  entries[4].timestamp.micros -= 1;
  rehash(entries);
  Rows rows = rows_of(entries);
  rows[4].merkle_root[0] = rows[4].merkle_root[0] == '0' ? '1' : '0';
  EXPECT_EQ(verify(rows)->reason, FindingReason::merkle_root_mismatch) << "the root comes before";
}

TEST_F(VerifierTest, AMissingPayloadIsFoundAfterWhatItsRowGivesAway) {
  const Hash data_hash = entries_[4].data_hash;
  EXPECT_EQ(tampered([&](StoredRow& r) { r.erase(data_hash), r.merkle_root[0] ^= 1; }), "merkle_root_mismatch");
  std::vector<Entry> entries = entries_;
  entries[4].timestamp.micros = entries[3].timestamp.micros - 1;
  rehash(entries);
  Rows rows = rows_of(entries);
  rows[4].erase(data_hash);
  EXPECT_EQ(verify(rows)->reason, FindingReason::timestamp_regression);
}

TEST_F(VerifierTest, DeletedAndSwappedRows) {
  Rows rows = rows_;
  rows.erase(rows.begin() + 4);
  EXPECT_EQ(verify(rows)->reason, FindingReason::sequence_gap);
  EXPECT_EQ(verify(rows)->sequence, 5) << "the missing one is named";
  rows.erase(rows.begin(), rows.begin() + 2);
  EXPECT_EQ(verify(rows)->sequence, 1);

  rows = rows_;  // the contents of two rows change places, their sequences do not
  std::swap(rows[4], rows[6]);
  std::swap(rows[4].sequence, rows[6].sequence);
  EXPECT_EQ(verify(rows)->sequence, 5);
  EXPECT_EQ(verify(rows)->reason, FindingReason::entry_hash_mismatch);

  rows = rows_;
  rows.insert(rows.begin() + 5, rows[4]);
  EXPECT_EQ(verify(rows)->sequence, 6);
  EXPECT_EQ(verify(rows)->reason, FindingReason::sequence_gap);
}

TEST_F(VerifierTest, StartsInTheMiddle) {
  Verifier first_half{LedgerState()};
  EXPECT_FALSE(verify(Rows(rows_.begin(), rows_.begin() + 6), first_half).has_value());
  Verifier second_half{first_half.state()};
  EXPECT_FALSE(verify(Rows(rows_.begin() + 6, rows_.end()), second_half).has_value());
  EXPECT_EQ(second_half.state(), state_);
}

TEST_F(VerifierTest, TilesAreRecomputed) {
  LedgerState state;
  const std::vector<Entry> entries = make_entries(520, state);
  std::string leaves;
  for (const Entry& entry : entries) leaves += as_view(entry.entry_hash);
  Verifier verifier{LedgerState()};
  EXPECT_FALSE(verify(rows_of(entries), verifier).has_value());
  ASSERT_EQ(verifier.finished_tiles().size(), 2u);
  EXPECT_EQ(verifier.finished_tiles()[1].id, (TileId{0, 1}));
  EXPECT_EQ(verifier.finished_tiles()[1].hashes, leaves.substr(8192, 8192));
  verifier.clear_finished_tiles();
  EXPECT_TRUE(verifier.finished_tiles().empty());
}

TEST_F(VerifierTest, EntryFromRow) {
  for (std::size_t i = 0; i < entries_.size(); ++i) EXPECT_EQ(entry_from_row(rows_[i].view()).value(), entries_[i]);
  StoredRow row = rows_[4];
  row.erase(entries_[4].data_hash);
  const Entry erased = entry_from_row(row.view()).value();
  EXPECT_FALSE(erased.seal_data.has_value());
  EXPECT_FALSE(erased.data_salt.has_value());
  EXPECT_EQ(erased.data_hash, entries_[4].data_hash);

  const std::pair<std::string, std::function<void(StoredRow&)>> cases[] = {
      {"sequence", [](StoredRow& r) { r.sequence = 0; }},
      {"session_id", [](StoredRow& r) { r.session_id.clear(); }},
      {"seal_id", [](StoredRow& r) { r.seal_id.pop_back(); }},
      {"timestamp", [](StoredRow& r) { r.timestamp_micros = INT64_MAX; }},
      {"authority", [](StoredRow& r) { r.authority = "\x01"; }},
      {"verdict", [](StoredRow& r) { r.verdict = "MAYBE"; }},
      {"seal_data", [](StoredRow& r) { r.seal_data = "{"; }},
      {"data_salt", [](StoredRow& r) { r.data_salt->pop_back(); }},
      {"data_hash", [](StoredRow& r) { r.data_hash = "ab"; }},
      {"entry_hash", [](StoredRow& r) { r.entry_hash.pop_back(); }},
      {"prev_hash", [](StoredRow& r) { r.prev_hash += "0"; }},
      {"merkle_root", [](StoredRow& r) { r.merkle_root[0] = 'x'; }},
  };
  for (const auto& [column, change] : cases) {
    StoredRow bad = rows_[4];
    change(bad);
    const Result<Entry> entry = entry_from_row(bad.view());
    ASSERT_FALSE(entry.has_value()) << column;
    EXPECT_EQ(entry.error().code, ErrorCode::internal);
    EXPECT_NE(entry.error().message.find("column " + column + " "), std::string::npos) << entry.error().message;
  }
}

TEST(Finding, Names) {
  EXPECT_EQ(finding_name(FindingReason::sequence_gap), "sequence_gap");
  EXPECT_EQ(finding_name(FindingReason::erasure_unexplained), "erasure_unexplained");
  EXPECT_EQ(finding_name(FindingReason::stray_row), "stray_row");
  EXPECT_EQ(finding_name(FindingReason::head_mismatch), "head_mismatch");
  EXPECT_EQ(finding_name(FindingReason::tile_mismatch), "tile_mismatch");
  EXPECT_EQ(finding_name(FindingReason::checkpoint_mismatch), "checkpoint_mismatch");
  EXPECT_EQ(finding_name(FindingReason::checkpoint_signature_invalid), "checkpoint_signature_invalid");
  EXPECT_EQ(finding_name(FindingReason::truncated), "truncated");
}

}  // namespace
}  // namespace vault
