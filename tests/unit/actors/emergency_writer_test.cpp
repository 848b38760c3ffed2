#include "actors/emergency_writer.hpp"

#include <gtest/gtest.h>

#include <set>

#include "recorded_effects.hpp"

namespace vault {
namespace {

// Keeps seals in memory, as long as it may.
class FakeStore final : public EmergencyWriterStore {
 public:
  std::vector<Result<std::vector<KeptReceipt>>> keep(std::span<const std::vector<Seal>> orders,
                                                     Timestamp now) override {
    ++calls;
    std::vector<Result<std::vector<KeptReceipt>>> answers;
    for (const auto& order : orders) {
      if (full) {
        answers.push_back(fail(ErrorCode::unavailable, "no room"));
        continue;
      }
      if (order.front().session_id == "conflict") {
        answers.push_back(fail(ErrorCode::seal_id_conflict, "other content"));
        continue;
      }
      std::vector<KeptReceipt> receipts;
      for (const Seal& seal : order) {
        KeptReceipt receipt;
        receipt.seal.seal_id = *seal.seal_id;
        receipt.seal.timestamp = now;
        receipt.duplicate = !kept.insert(*seal.seal_id).second;
        receipts.push_back(receipt);
      }
      answers.push_back(receipts);
    }
    return answers;
  }
  Status probe() override { return full ? Status(fail(ErrorCode::unavailable, "no room")) : Status{}; }

  std::set<Uuid> kept;
  bool full = false;
  int calls = 0;
};

class EmergencyWriterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    writer_.start(effects_);
    EXPECT_EQ(effects_.messages<AlertMessage>(ActorId::publisher).front().alert.kind, "emergency");
    EXPECT_TRUE(status().ready);
    EXPECT_NE(status().detail.find("EMERGENCY"), std::string::npos);
    effects_.sent.clear();
  }

  static SealOrder order(Ticket ticket, const std::string& session = "s", bool ingest = false) {
    return {ticket, {Seal{session, "a", Verdict::seal, "{}", std::nullopt}}, ingest, 10};
  }
  void send(std::vector<SealOrder> orders) {
    writer_.handle(SealOrders{std::move(orders)}, effects_);
    writer_.round_done(effects_);
  }
  void tick() {
    writer_.handle(TimerFired{1}, effects_);
    writer_.round_done(effects_);
  }
  WriterStatus status() const { return effects_.messages<WriterStatus>(ActorId::gateway).back(); }
  std::map<Ticket, Result<std::vector<KeptReceipt>>> answers() const {
    std::map<Ticket, Result<std::vector<KeptReceipt>>> out;
    for (const auto& some : effects_.messages<KeptAnswers>(ActorId::gateway)) {
      for (const auto& [ticket, receipts] : some.answers) EXPECT_TRUE(out.emplace(ticket, receipts).second) << ticket;
    }
    return out;
  }

  FakeStore store_;
  RecordedEffects effects_;
  EmergencyWriter writer_{store_, "/srv/V"};
};

TEST_F(EmergencyWriterTest, AnswersEveryOrderOnceAndGroupsThem) {
  send({order(1), order(2), order(3, "conflict")});
  EXPECT_EQ(store_.calls, 1);
  EXPECT_TRUE(answers().at(1) && answers().at(2));
  EXPECT_EQ(answers().at(3).error().code, ErrorCode::seal_id_conflict);
  EXPECT_EQ(store_.kept.size(), 2U);
  EXPECT_TRUE(effects_.messages<IngestKept>(ActorId::publisher).empty());
}

TEST_F(EmergencyWriterTest, TellsThePublisherOfWhatCameByIngest) {
  send({order(1, "s", true), order(2, "conflict", true)});
  const auto kept = effects_.messages<IngestKept>(ActorId::publisher);
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_EQ(kept[0].receipts.size(), 1U);
  ASSERT_EQ(effects_.messages<IngestRefused>(ActorId::publisher).size(), 1U);
  EXPECT_EQ(answers().size(), 2U);  // the gateway gets its credit back
}

TEST_F(EmergencyWriterTest, WithoutRoomRequestsAreToldAndIngestWaits) {
  store_.full = true;
  send({order(1), order(2, "s", true), order(3, "s", true)});
  EXPECT_EQ(answers().size(), 1U);
  EXPECT_EQ(answers().at(1).error().code, ErrorCode::unavailable);
  EXPECT_FALSE(status().ready);
  send({order(4)});
  EXPECT_EQ(answers().at(4).error().code, ErrorCode::unavailable);
  EXPECT_EQ(store_.calls, 1);  // nothing is tried before the probe succeeds
  tick();
  EXPECT_FALSE(status().ready);
  store_.full = false;
  tick();
  EXPECT_TRUE(status().ready);
  EXPECT_TRUE(answers().at(2) && answers().at(3));
  EXPECT_EQ(store_.kept.size(), 2U);
}

TEST_F(EmergencyWriterTest, StopsOnceAllIsAnswered) {
  writer_.handle(SealOrders{{order(1)}}, effects_);
  EXPECT_TRUE(writer_.stop(effects_));
  EXPECT_TRUE(answers().at(1));
}

}  // namespace
}  // namespace vault
