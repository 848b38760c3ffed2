#include "store/emergency/directory.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <thread>

#include "store/legacy/directory.hpp"

namespace vault {
namespace {

namespace fs = std::filesystem;

constexpr Timestamp start{1'768'700'000'000'000};

class EmergencyDirectory : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "vault-emergency-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
    writer_ = open_writer();
    auto reader = open_emergency_reader(directory_);
    ASSERT_TRUE(reader);
    reader_ = std::move(*reader);
  }
  void TearDown() override { fs::remove_all(directory_); }

  std::unique_ptr<EmergencyWriterStore> open_writer() const {
    auto writer = open_emergency_writer(directory_);
    return writer ? std::move(*writer) : nullptr;
  }

  static Seal seal(int number, const std::string& session = "s", const std::string& data = "{}") {
    Seal out{session, "a", Verdict::seal, data, Uuid{}};
    out.seal_id->bytes[15] = static_cast<std::uint8_t>(number);
    out.seal_id->bytes[14] = static_cast<std::uint8_t>(number >> 8);
    return out;
  }

  Result<std::vector<KeptReceipt>> keep(const std::vector<Seal>& order, Timestamp now = start) {
    return writer_->keep(std::vector<std::vector<Seal>>{order}, now).front();
  }

  fs::path entries() const { return directory_ + "/BBB_LEDGER/entries"; }
  std::set<std::string> files() const {
    std::set<std::string> out;
    for (const auto& file : fs::directory_iterator(entries())) out.insert(file.path().filename());
    return out;
  }
  std::vector<std::string> listed(PageRequest request) {
    std::vector<std::string> out;
    while (true) {
      const auto page = reader_->page(request);
      EXPECT_TRUE(page) << page.error().message;
      for (const KeptSeal& kept : page->seals) out.push_back(*kept.seal_data);
      if (!page->next_cursor) return out;
      request.cursor = page->next_cursor;
    }
  }

  std::string directory_;
  std::unique_ptr<EmergencyWriterStore> writer_;
  std::unique_ptr<EmergencyReaderStore> reader_;
};

TEST_F(EmergencyDirectory, KeepsAndFindsAgain) {
  const auto receipts = keep({seal(1, "s-1", R"({"n":1})")});
  ASSERT_TRUE(receipts);
  EXPECT_FALSE(receipts->front().duplicate);
  EXPECT_FALSE(receipts->front().seal.seal_data);
  const auto kept = reader_->find(*seal(1).seal_id);
  ASSERT_TRUE(kept && *kept);
  EXPECT_TRUE(same_content(**kept, seal(1, "s-1", R"({"n":1})")));
  EXPECT_EQ((*kept)->timestamp, receipts->front().seal.timestamp);
  EXPECT_FALSE(*reader_->find(*seal(2).seal_id));
  EXPECT_EQ(files(), (std::set<std::string>{"00000000-0000-0000-0000-000000000001.json"}));
}

TEST_F(EmergencyDirectory, TheSameAgainIsADuplicateOtherContentAConflict) {
  const auto first = keep({seal(1, "s", R"({"n":1})")});
  writer_ = open_writer();  // another process, another day
  const auto again = keep({seal(1, "s", R"({"n":1})")}, {start.micros + 1'000'000});
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->front().duplicate);
  EXPECT_EQ(again->front().seal.timestamp, first->front().seal.timestamp);
  for (const Seal& other : {seal(1, "s", R"({"n":2})"), seal(1, "t", R"({"n":1})")}) {
    const auto refused = keep({other});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::seal_id_conflict);
  }
  EXPECT_EQ(files().size(), 1U);
}

TEST_F(EmergencyDirectory, OrdersOfOneGroupKnowOfEachOther) {
  const std::vector<std::vector<Seal>> orders{
      {seal(1), seal(2), seal(1)},  // twice in one order: the second is the duplicate
      {seal(2)},                    // and of another order
      {seal(3), seal(1, "other")},  // a conflict refuses the order, with its seal 3
      {seal(3, "later")},           // which is therefore free
  };
  const auto answers = writer_->keep(orders, start);
  ASSERT_EQ(answers.size(), 4U);
  ASSERT_TRUE(answers[0] && answers[1] && answers[3]);
  EXPECT_EQ((std::vector{(*answers[0])[0].duplicate, (*answers[0])[1].duplicate, (*answers[0])[2].duplicate}),
            (std::vector{false, false, true}));
  EXPECT_TRUE(answers[1]->front().duplicate);
  ASSERT_FALSE(answers[2]);
  EXPECT_EQ(answers[2].error().code, ErrorCode::seal_id_conflict);
  EXPECT_FALSE(answers[3]->front().duplicate);
  EXPECT_EQ(files().size(), 3U);
}

TEST_F(EmergencyDirectory, MoreSealsThanFilesMayBeOpen) {
  std::vector<Seal> order;
  for (int i = 0; i < 1'500; ++i) order.push_back(seal(i));
  const auto receipts = keep(order);
  ASSERT_TRUE(receipts) << receipts.error().message;
  EXPECT_EQ(receipts->size(), 1'500U);
  EXPECT_EQ(files().size(), 1'500U);
}

TEST_F(EmergencyDirectory, OfTwoAtOnceOneIsFirst) {
  std::vector<std::vector<Seal>> orders;
  for (int i = 0; i < 400; ++i) orders.push_back({seal(i)});
  std::vector<Result<std::vector<KeptReceipt>>> mine, theirs;
  auto other = open_writer();
  std::thread thread([&] {
    for (const auto& order : orders) theirs.push_back(other->keep(std::span(&order, 1), start).front());
  });
  for (const auto& order : orders) mine.push_back(keep(order));
  thread.join();
  for (std::size_t i = 0; i < orders.size(); ++i) {
    ASSERT_TRUE(mine[i] && theirs[i]) << i;
    EXPECT_NE(mine[i]->front().duplicate, theirs[i]->front().duplicate) << i;
    EXPECT_EQ(mine[i]->front().seal.timestamp, theirs[i]->front().seal.timestamp) << i;
  }
  EXPECT_EQ(files().size(), orders.size());
}

TEST_F(EmergencyDirectory, NeverOverwrites) {
  const std::string old = "{\"session_id\": \"an old record with a UUID for a name\"}";
  const fs::path path = entries() / "00000000-0000-0000-0000-000000000005.json";
  std::ofstream(path) << old;
  auto refused = keep({seal(5)});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::seal_id_conflict);
  std::ofstream(path, std::ios::trunc) << "{\"backend\":\"legacy\",\"seal_id\":";
  refused = keep({seal(5)});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::internal);
  EXPECT_EQ(files().size(), 1U);
}

TEST_F(EmergencyDirectory, PagesInBothOrdersWithFilters) {
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(keep({seal(i, i % 2 == 0 ? "even" : "odd", std::to_string(i).insert(0, R"({"n":)") + "}")},
                     {start.micros + i * 1'000}));
  }
  PageRequest request;
  request.limit = 3;
  const auto newest = listed(request);
  ASSERT_EQ(newest.size(), 10U);
  EXPECT_EQ(newest.front(), R"({"n":9})");
  EXPECT_EQ(newest.back(), R"({"n":0})");
  request.order = Order::ascending;
  EXPECT_EQ(listed(request), std::vector<std::string>(newest.rbegin(), newest.rend()));
  request.session_id = "odd";
  request.from = Timestamp{start.micros + 3'000};
  request.to = Timestamp{start.micros + 9'000};
  EXPECT_EQ(listed(request), (std::vector<std::string>{R"({"n":3})", R"({"n":5})", R"({"n":7})"}));
  request.verdict = Verdict::void_;
  EXPECT_TRUE(listed(request).empty());
}

TEST_F(EmergencyDirectory, APageNeverPartsAMicrosecond) {
  auto other = open_writer();
  ASSERT_TRUE(keep({seal(1, "s", R"({"n":1})")}));
  ASSERT_TRUE(other->keep(std::vector<std::vector<Seal>>{{seal(2, "s", R"({"n":2})")}}, start).front());
  ASSERT_TRUE(keep({seal(3, "s", R"({"n":3})")}, {start.micros + 5}));
  PageRequest request;
  request.limit = 1;
  request.order = Order::ascending;
  EXPECT_EQ(reader_->page(request)->seals.size(), 2U);
  EXPECT_EQ(listed(request).size(), 3U);
}

TEST_F(EmergencyDirectory, PagesFollowTheDirectory) {
  EXPECT_TRUE(listed({}).empty());
  ASSERT_TRUE(keep({seal(1)}));
  EXPECT_EQ(listed({}).size(), 1U);
  std::ofstream(entries() / "00000000-0000-0000-0000-00000000000a.json") << "{\"backend\":\"legacy\",\"seal_id\":1}";
  std::ofstream(entries() / "00000000-0000-0000-0000-00000000000b.json") << "{\"session_id\":\"an old record\"}";
  std::ofstream(entries() / ".00000000-0000-0000-0000-00000000000c.x.tmp") << "{";
  EXPECT_EQ(listed({}).size(), 1U);
  const auto problems = reader_->take_problems();
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_NE(problems.front().find("00000000000a.json"), std::string::npos) << problems.front();
  fs::remove(entries() / "00000000-0000-0000-0000-000000000001.json");
  EXPECT_TRUE(listed({}).empty());
}

TEST_F(EmergencyDirectory, ADamagedFileIsToldOnceByWhoeverMeetsIt) {
  ASSERT_TRUE(keep({seal(1), seal(2)}));
  EXPECT_EQ(listed({}).size(), 2U);
  for (const char* digit : {"1", "2"}) {  // since they were listed
    std::ofstream(entries() / ("00000000-0000-0000-0000-00000000000" + std::string(digit) + ".json")) << "{";
  }
  EXPECT_TRUE(reader_->take_problems().empty());
  EXPECT_FALSE(reader_->find(*seal(1).seal_id));
  EXPECT_FALSE(reader_->find(*seal(1).seal_id));
  EXPECT_EQ(reader_->take_problems().size(), 1U);
  EXPECT_FALSE(reader_->page({}));
  const auto problems = reader_->take_problems();
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_NE(problems.front().find("000000000002.json"), std::string::npos) << problems.front();
}

TEST_F(EmergencyDirectory, WhatIsKeptIsALegacyVault) {
  ASSERT_TRUE(keep({seal(1, "s", R"({"n":1})"), seal(2)}));
  std::ofstream(entries() / ".left-by-a-crash.tmp") << "{";
  auto vault = LegacyDirectory::open(directory_);
  ASSERT_TRUE(vault) << vault.error().message;
  std::map<Uuid, Seal> found;
  while (const auto item = vault->next()) {
    ASSERT_TRUE(item->record) << item->problem->reason;
    found[*item->record->seal.seal_id] = item->record->seal;
  }
  EXPECT_EQ(found.size(), 2U);
  EXPECT_EQ(found[*seal(1).seal_id], seal(1, "s", R"({"n":1})"));
}

TEST(EmergencyDirectoryOpening, NamesWhatCannotBeUsed) {
  const auto refused = open_emergency_writer("/proc/no/such/place");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
  EXPECT_NE(refused.error().message.find("/proc/no/such/place"), std::string::npos);
}

}  // namespace
}  // namespace vault
