// Scans of rows that are large, slow to print, or slow to arrive.
#include <chrono>

#include "tests/integration/store_fixture.hpp"

namespace vault::test {
namespace {

class ScanTest : public StoreTest {
 protected:
  // PostgreSQL writes each of these numbers out in 326 characters.
  void seal_swelling(int entries, int numbers) {
    std::string payload = R"({"n":[5e-324)";
    for (int i = 1; i < numbers; ++i) payload += ",5e-324";
    payload += "]}";
    for (int i = 0; i < entries; ++i) {
      Seal seal = make_seal(state_.head.sequence + 1);
      seal.seal_data = payload;
      const AppendOutcome outcome = append(*writer_, request_for(seal));
      ASSERT_EQ(outcome.kind, AppendKind::committed) << outcome.detail;
    }
  }

  // Enough time for some of the rows, however busy the machine is, but not for all of them.
  std::chrono::milliseconds a_few_rows() {
    const auto patient = make_postgres_reader(options_);
    const auto began = std::chrono::steady_clock::now();
    const auto view = patient->snapshot();
    EXPECT_TRUE(view && (*view)->scan(1, 1, [](const RowView&) { return true; }));
    return 8 * std::chrono::ceil<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
  }
};

// All of it takes the server longer than one answer may, and so does the first request.
TEST_F(ScanTest, AChunkThatIsLateIsAskedForInHalves) {
  take_lease();
  seal_swelling(40, 20'000);  // 6.5 MB each
  PostgresOptions impatient = options_;
  impatient.statement_timeout = a_few_rows();
  reader_ = make_postgres_reader(impatient);
  std::vector<std::int64_t> told;
  auto report = verify_ledger(*reader_, {}, [&](std::int64_t checked, std::int64_t) {
    told.push_back(checked);
    return true;
  });
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_FALSE(report->finding);
  EXPECT_EQ(report->checked, 40);
  EXPECT_GE(told.size(), 3u) << "progress is told while a chunk is under way";
}

TEST_F(ScanTest, ASnapshotOutlivesAChunkThatWasLate) {
  take_lease();
  seal_swelling(40, 20'000);
  PostgresOptions impatient = options_;
  impatient.statement_timeout = a_few_rows();
  reader_ = make_postgres_reader(impatient);
  auto view = snapshot();
  ASSERT_TRUE(view->head());
  std::vector<std::int64_t> seen;
  ASSERT_TRUE(view->scan(1, 40, [&](const RowView& row) {
    if (seen.empty()) run("DELETE FROM vault_lease");  // somebody else goes on meanwhile
    seen.push_back(row.sequence);
    return true;
  }));
  ASSERT_EQ(seen.size(), 40u);
  for (std::size_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i], static_cast<std::int64_t>(i + 1));
  ASSERT_TRUE(view->head());
  EXPECT_EQ(view->head()->sequence, 40);
}

}  // namespace
}  // namespace vault::test
