// Pages compared with a plain filter of the whole ledger, and their cost.
#include <unistd.h>

#include <algorithm>

#include "ledger/proof.hpp"
#include "store/postgres/connection.hpp"
#include "tests/integration/store_fixture.hpp"

namespace vault::test {
namespace {

class PageTest : public StoreTest {
 protected:
  void fill(std::int64_t size) {
    take_lease();
    grow_to(size);
    auto view = snapshot();
    ASSERT_TRUE(view->scan(1, size, [this](const RowView& row) {
      all_.push_back(entry_from_row(row).value());
      return true;
    }));
    ASSERT_EQ(all_.size(), static_cast<std::size_t>(size));
  }

  std::vector<std::int64_t> expected(const PageRequest& request) const {
    std::vector<std::int64_t> sequences;
    for (const Entry& e : all_) {
      if (request.session_id && e.session_id != *request.session_id) continue;
      if (request.authority && e.authority != *request.authority) continue;
      if (request.verdict && e.verdict != *request.verdict) continue;
      if (request.from && e.timestamp < *request.from) continue;
      if (request.to && e.timestamp >= *request.to) continue;
      sequences.push_back(e.sequence);
    }
    if (request.order == Order::descending) std::reverse(sequences.begin(), sequences.end());
    return sequences;
  }

  // Follows the cursors to the end; every page within its limit.
  std::vector<std::int64_t> paged(PageRequest request, int* pages = nullptr) {
    std::vector<std::int64_t> sequences;
    auto view = snapshot();
    for (int count = 1; count < 1000; ++count) {
      auto page = view->page(request);
      if (!page) throw std::runtime_error(page.error().message);
      EXPECT_LE(page->entries.size(), request.limit);
      for (const Entry& entry : page->entries) {
        EXPECT_EQ(entry, all_[static_cast<std::size_t>(entry.sequence - 1)]);
        sequences.push_back(entry.sequence);
      }
      if (pages != nullptr) *pages = count;
      if (!page->next_cursor) return sequences;
      request.cursor = page->next_cursor;
    }
    ADD_FAILURE() << "cursors do not end";
    return sequences;
  }

  std::vector<Entry> all_;
};

TEST_F(PageTest, EveryCombinationFindsWhatAFilterFinds) {
  fill(700);
  const std::vector<std::optional<std::string>> sessions{std::nullopt, "session-3", "session-9"};
  const std::vector<std::optional<std::string>> authorities{std::nullopt, "auditor", "nobody"};
  const std::vector<std::optional<Verdict>> verdicts{std::nullopt, Verdict::void_};
  const std::vector<std::pair<std::optional<Timestamp>, std::optional<Timestamp>>> times{
      {std::nullopt, std::nullopt}, {time_of(100), time_of(650)}, {Timestamp{time_of(100).micros + 1}, std::nullopt},
      {std::nullopt, time_of(1)},   {time_of(701), std::nullopt}, {time_of(300), time_of(200)}};
  for (const auto& session : sessions) {
    for (const auto& authority : authorities) {
      for (const auto& verdict : verdicts) {
        for (const auto& [from, to] : times) {
          for (const Order order : {Order::ascending, Order::descending}) {
            for (const std::size_t limit : {1000, 7}) {
              PageRequest request;
              request.session_id = session;
              request.authority = authority;
              request.verdict = verdict;
              request.from = from;
              request.to = to;
              request.order = order;
              request.limit = limit;
              if (limit == 7 && !session && !verdict) continue;
              EXPECT_EQ(paged(request), expected(request));
            }
          }
        }
      }
    }
  }
}

TEST_F(PageTest, PageThatIsExactlyFullIsTheLast) {
  fill(10);
  PageRequest request;
  request.limit = 5;
  int pages = 0;
  EXPECT_EQ(paged(request, &pages).size(), 10U);
  EXPECT_EQ(pages, 2);
  request.authority = "auditor";
  request.limit = 2;
  EXPECT_EQ(paged(request, &pages), (std::vector<std::int64_t>{10, 5}));
  EXPECT_EQ(pages, 1);
  request = {};
  request.cursor = 3;
  EXPECT_EQ(paged(request), (std::vector<std::int64_t>{2, 1}));
  request.order = Order::ascending;
  request.cursor = 8;
  EXPECT_EQ(paged(request), (std::vector<std::int64_t>{9, 10}));
  request.cursor = INT64_MAX;
  EXPECT_TRUE(paged(request).empty());
  request.order = Order::descending;
  request.cursor = INT64_MIN;
  EXPECT_TRUE(paged(request).empty());
}

TEST_F(PageTest, PageEndsAtItsBytes) {
  take_lease();
  for (int i = 1; i <= 12; ++i) {
    Seal seal = make_seal(i);
    seal.seal_data = "{\"large\":\"" + std::string(1'000'000, 'x') + "\"}";
    ASSERT_EQ(append(*writer_, request_for(seal)).kind, AppendKind::committed);
    all_.push_back(*snapshot()->entry_by_sequence(i).value());
  }
  PageRequest request;
  request.limit = 100;
  auto page = snapshot()->page(request);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->entries.size(), 5U);  // the first to reach 4 MiB ends it
  EXPECT_EQ(page->next_cursor, 8);
  EXPECT_EQ(paged(request).size(), 12U);
  request.authority = "judge";
  EXPECT_EQ(paged(request), expected(request));
}

// Small rows first, so that many are requested, and then large ones: rows that do not fit are not read in vain.
TEST_F(PageTest, LargeRowsBehindSmallOnes) {
  take_lease();
  for (int i = 1; i <= 60; ++i) {
    Seal seal = make_seal(i);
    if (i > 30) seal.seal_data = "{\"large\":\"" + std::string(300'000, 'x') + "\"}";
    ASSERT_EQ(append(*writer_, request_for(seal)).kind, AppendKind::committed);
    all_.push_back(*snapshot()->entry_by_sequence(i).value());
  }
  for (const Order order : {Order::ascending, Order::descending}) {
    for (const std::size_t limit : {1000, 30, 7, 1}) {
      for (const auto& session : {std::optional<std::string>(), std::optional<std::string>("session-3")}) {
        PageRequest request;
        request.order = order;
        request.limit = limit;
        request.session_id = session;
        EXPECT_EQ(paged(request), expected(request));
      }
    }
  }
}

// The page ends before it; if it is the next one, the answer names it. It is never skipped silently.
TEST_F(PageTest, ARowThatCannotBeReadIsNeverSkipped) {
  fill(40);
  tamper("UPDATE vault_ledger SET seal_data = '[]' WHERE sequence = 20");
  for (const bool filtered : {false, true}) {
    for (const Order order : {Order::ascending, Order::descending}) {
      PageRequest request;
      request.order = order;
      request.limit = 100;
      if (filtered) request.authority = "auditor";
      auto page = snapshot()->page(request);
      ASSERT_TRUE(page) << page.error().message;
      const std::int64_t last =
          filtered ? (order == Order::ascending ? 15 : 25) : (order == Order::ascending ? 19 : 21);
      EXPECT_EQ(page->next_cursor, last);
      EXPECT_EQ(page->entries.back().sequence, last);
      request.cursor = page->next_cursor;
      page = snapshot()->page(request);
      ASSERT_FALSE(page);
      EXPECT_EQ(page.error().code, ErrorCode::internal);
      EXPECT_NE(page.error().message.find("entry 20"), std::string::npos) << page.error().message;
      request.cursor = 20;  // a client that has been told can skip it
      EXPECT_EQ(snapshot()->page(request)->entries.size(),
                (order == Order::ascending ? (filtered ? 4U : 20U) : (filtered ? 3U : 19U)));
    }
  }
}

// Rows read per table by `question`, according to the server's counters.
class CostTest : public PageTest {
 protected:
  std::int64_t rows_read() {
    run("SELECT pg_stat_clear_snapshot()");
    return std::stoll(
        ask("SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'vault_ledger'"));
  }
};

TEST_F(CostTest, NoPageScansInProportionToTheLedger) {
  constexpr std::int64_t size = 40'000;
  take_lease();
  // One session, one verdict and one authority that occur only at the beginning: worst for any plan that walks the
  // primary key from the end.
  Seal rare = make_seal(1);
  rare.session_id = "rare";
  rare.verdict = Verdict::sunset;
  rare.authority = "rare";
  ASSERT_EQ(append(*writer_, request_for(rare)).kind, AppendKind::committed);
  while (state_.head.sequence < size) {
    std::vector<Seal> seals;
    for (int i = 0; i < 1000 && state_.head.sequence + i < size; ++i) {
      seals.push_back(make_seal(state_.head.sequence + 1 + i));
      seals.back().session_id = "common";
      seals.back().verdict = Verdict::seal;
      seals.back().authority = "common";
    }
    const AppendRequest request = request_for(seals, time_of(state_.head.sequence + 1));
    ASSERT_EQ(append(*writer_, request).kind, AppendKind::committed);
  }
  for (const bool analyzed : {false, true}) {
    if (analyzed) run("ANALYZE vault_ledger");
    reader_ = make_postgres_reader(options_);
    const auto cost = [&](PageRequest request, std::size_t results) {
      const std::int64_t before = rows_read();
      reader_ = make_postgres_reader(options_);
      auto page = snapshot()->page(request);
      EXPECT_TRUE(page);
      EXPECT_EQ(page->entries.size(), results);
      // A backend reports what it has read when it ends.
      reader_.reset();
      std::int64_t after = rows_read();
      for (int i = 0; i < 50 && after == before; ++i, after = rows_read()) usleep(20'000);
      reader_ = make_postgres_reader(options_);
      return after - before;
    };
    PageRequest request;
    request.session_id = "rare";
    EXPECT_LT(cost(request, 1), 60);
    request = {};
    request.verdict = Verdict::sunset;
    EXPECT_LT(cost(request, 1), 60);
    request.session_id = "rare";
    EXPECT_LT(cost(request, 1), 60);
    request = {};
    EXPECT_LT(cost(request, 50), 120);
    request.from = time_of(20'000);
    request.to = time_of(30'001);
    EXPECT_LT(cost(request, 50), 250);
    request = {};
    request.session_id = "common";
    request.order = Order::ascending;
    request.cursor = 39'000;
    EXPECT_LT(cost(request, 50), 120);
    request.session_id.reset();
    request.cursor.reset();
    request.authority = "common";
    EXPECT_LT(cost(request, 50), 500);
  }
}

using ReadTest = PageTest;

TEST_F(ReadTest, ScanStopsWhereItIsToldAndStepsOverHoles) {
  fill(5000);
  auto view = snapshot();
  std::vector<std::int64_t> seen;
  ASSERT_TRUE(view->scan(10, 4000, [&](const RowView& row) {
    seen.push_back(row.sequence);
    return seen.size() < 3;
  }));
  EXPECT_EQ(seen, (std::vector<std::int64_t>{10, 11, 12}));
  EXPECT_TRUE(view->entry_by_sequence(5000).value());  // the snapshot goes on
  std::int64_t rows = 0;
  ASSERT_TRUE(view->scan(1, INT64_MAX, [&](const RowView&) { return ++rows > 0; }));
  EXPECT_EQ(rows, 5000);
  ASSERT_TRUE(view->scan(4, 3, [&](const RowView&) { return ++rows > 0; }));
  ASSERT_TRUE(view->scan(6000, 7000, [&](const RowView&) { return ++rows > 0; }));
  EXPECT_EQ(rows, 5000);
  view.reset();
  tamper(
      "DELETE FROM vault_ledger WHERE sequence BETWEEN 100 AND 4500;"
      "UPDATE vault_ledger SET sequence = 9223372036854775807 WHERE sequence = 5000");
  seen.clear();
  ASSERT_TRUE(snapshot()->scan(98, INT64_MAX, [&](const RowView& row) {
    seen.push_back(row.sequence);
    return true;
  }));
  EXPECT_EQ(seen.size(), 2U + 499U + 1U);
  EXPECT_EQ(seen[2], 4501);
  EXPECT_EQ(seen.back(), INT64_MAX);
}

TEST_F(ReadTest, SnapshotsDoNotMove) {
  fill(3);
  auto view = snapshot();
  EXPECT_EQ(view->head().value().sequence, 3);
  grow_to(5);
  EXPECT_EQ(view->head().value().sequence, 3);
  EXPECT_EQ(view->entry_by_sequence(5).value(), std::nullopt);
  view.reset();
  EXPECT_EQ(snapshot()->head().value().sequence, 5);
}

TEST_F(ReadTest, ProofsFromTilesHoldAtEverySize) {
  take_lease();
  grow_to(70'000);  // a tile of level 1
  auto view = snapshot();
  for (const std::uint64_t size : {1ULL, 2ULL, 255ULL, 256ULL, 257ULL, 65'535ULL, 65'536ULL, 65'537ULL, 70'000ULL}) {
    TileNodeReader nodes(*view, size);
    const Hash root = view->entry_by_sequence(static_cast<std::int64_t>(size)).value()->merkle_root;
    EXPECT_EQ(root_of_size(nodes, size).value(), root);
    for (const std::uint64_t index : {std::uint64_t{0}, size / 2, size - 1}) {
      const Hash leaf = view->entry_by_sequence(static_cast<std::int64_t>(index + 1)).value()->entry_hash;
      auto proof = prove_inclusion(nodes, index, size);
      ASSERT_TRUE(proof) << proof.error().message;
      EXPECT_TRUE(verify_inclusion(leaf, index, size, *proof, root));
    }
  }
  auto beyond = view->read_tile({0, 273}, 200);
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error().code, ErrorCode::not_found);
  EXPECT_EQ(view->tiles(0, 0, 1000).value().size(), 273U);
  EXPECT_EQ(view->tiles(1, 0, 1000).value().size(), 1U);
}

TEST_F(ReadTest, LostConnectionIsUnavailableAndTheNextSnapshotReconnects) {
  fill(3);
  auto view = snapshot();
  EXPECT_TRUE(view->head());
  run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'vaultd'");
  auto head = view->head();
  ASSERT_FALSE(head);
  EXPECT_EQ(head.error().code, ErrorCode::unavailable);
  EXPECT_FALSE(view->scan(1, 3, [](const RowView&) { return true; }));
  EXPECT_FALSE(view->page({}));
  view.reset();
  EXPECT_EQ(snapshot()->head().value().sequence, 3);
}

}  // namespace
}  // namespace vault::test
