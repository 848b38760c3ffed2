// The gateway's seals: credit, turns, exactly one reply.
#include <msgpack.hpp>

#include "gateway_fixture.hpp"
#include "os/log.hpp"

namespace vault {
namespace {

using std::chrono::milliseconds;

TEST_F(GatewayTest, EchoesTheEnvelopeAndTheId) {
  start();
  seal_from("peer-1", 42);
  gateway->round_done(effects);
  ASSERT_EQ(orders().size(), 1U);
  answer(orders()[0].ticket, 1);
  ASSERT_EQ(effects.frames.size(), 1U);
  EXPECT_EQ(effects.frames[0].second[0], "peer-1");
  EXPECT_EQ(effects.frames[0].second[1], "");
  EXPECT_EQ(last_reply().id, 42U);
  EXPECT_FALSE(last_reply().error);
}

TEST_F(GatewayTest, ProducersTakeTurns) {
  start();
  for (int i = 0; i < 20; ++i) seal_from("greedy", 100);
  seal_from("modest", 200);
  gateway->round_done(effects);
  EXPECT_EQ(orders().size(), 8U) << "no more than the writer's window";
  // The modest peer's only seal is the second to be passed on, though twenty arrived before it.
  const auto first = orders();
  for (int i = 0; i < 8; ++i) answer(first[i].ticket, i + 1);
  int modest_at = -1;
  for (std::size_t i = 0; i < effects.frames.size(); ++i) {
    if (effects.frames[i].second[0] == "modest") modest_at = static_cast<int>(i);
  }
  EXPECT_EQ(modest_at, 1);
}

TEST_F(GatewayTest, AFullQueueIsBusyAndComesBack) {
  start();
  for (int i = 0; i < 80; ++i) seal_from("p");
  EXPECT_TRUE(effects.frames.empty());
  seal_from("p");
  EXPECT_EQ(last_error(), "busy");
  gateway->round_done(effects);
  answer(orders()[0].ticket, 1);
  effects.frames.clear();
  seal_from("p");
  EXPECT_TRUE(effects.frames.empty()) << "one seal was answered, so one fits again";
}

TEST_F(GatewayTest, OneWhoHoldsMuchLeavesRoomForTheModest) {
  start();
  seal_from("modest");
  int accepted = 0;
  for (int i = 0; i < 80; ++i) {
    effects.frames.clear();
    seal_from("greedy");
    accepted += effects.frames.empty() ? 1 : 0;
  }
  EXPECT_EQ(accepted, 69) << "an eighth of the queue is kept for others";
  effects.frames.clear();
  seal_from("other");
  EXPECT_TRUE(effects.frames.empty());
}

TEST_F(GatewayTest, IngestWaitsWhileTheQueueIsFullOrNobodyWrites) {
  start();
  EXPECT_TRUE(gateway->wants_ingest());
  for (int i = 0; i < 70; ++i) seal_from("p");
  EXPECT_FALSE(gateway->wants_ingest());
  WriterStatus away;
  gateway->handle(away, effects);
  EXPECT_FALSE(gateway->wants_ingest());
}

TEST_F(GatewayTest, UnavailableWhileNobodyWrites) {
  start();
  WriterStatus away;
  away.detail = "no database";
  gateway->handle(away, effects);
  seal_from("p");
  EXPECT_EQ(last_error(), "unavailable");
  EXPECT_NE(last_reply().error->message.find("no database"), std::string::npos);
}

// An operator who is told "standby" will look for the writer elsewhere.
TEST_F(GatewayTest, WhoWritesIsStandbyOnlyWhereAnotherDoes) {
  options.host = "here";
  options.pid = 5;
  start();
  const auto told = [&] {
    from_peer("p", StatusRequest{});
    return last_reply().result;  // MessagePack: its texts stand in it as they are
  };
  EXPECT_NE(told().find("\xa4here"), std::string::npos);
  WriterStatus in_doubt;  // about its last commit, and the database is away
  in_doubt.writer = true;
  gateway->handle(in_doubt, effects);
  EXPECT_NE(told().find("waiting"), std::string::npos);
  EXPECT_EQ(told().find("\xa4here"), std::string::npos);
  WriterStatus other;
  other.settled = other.database_connected = true;
  other.other = LeaseHolder{"db1", 4711, 1};
  gateway->handle(other, effects);
  EXPECT_NE(told().find("standby"), std::string::npos);
  EXPECT_NE(told().find("\xa3"
                        "db1"),
            std::string::npos);
  gateway->handle(WriterStatus{}, effects);
  EXPECT_NE(told().find("waiting"), std::string::npos);
  EXPECT_EQ(told().find("db1"), std::string::npos);
}

TEST_F(GatewayTest, ExactlyOneReplyWhenTheDeadlinePassesFirst) {
  start();
  seal_from("p", 7);
  gateway->round_done(effects);
  effects.time += milliseconds(1'001);
  gateway->handle(TimerFired{1}, effects);
  ASSERT_EQ(effects.frames.size(), 1U);
  EXPECT_EQ(last_error(), "deadline_exceeded");
  answer(orders()[0].ticket, 1);
  EXPECT_EQ(effects.frames.size(), 1U) << "the late answer is not sent";
  EXPECT_TRUE(gateway->wants_ingest()) << "but it gives the credit back";
  for (int i = 0; i < 80; ++i) seal_from("p");
  EXPECT_EQ(effects.frames.size(), 1U);
}

std::vector<std::string> told;  // lines of the log, as "message key=value ..."

TEST_F(GatewayTest, SlowRequestsAreToldAndNeverInANumberOfLines) {
  told.clear();
  set_log_sink([](const LogLine& line) {
    std::string text(line.message);
    for (const LogField& field : line.fields) text += ' ' + std::string(field.key) + '=' + field.value;
    told.push_back(text);
  });
  options.slow_request = milliseconds(100);
  start();
  const auto ask = [&](milliseconds takes) {
    seal_from("p", 7);
    gateway->round_done(effects);
    effects.time += takes;
    answer(orders().back().ticket, 1);
    gateway->round_done(effects);
  };
  ask(milliseconds(100));
  ask(milliseconds(101));
  ask(milliseconds(300));
  from_peer("p", HeadRequest{}, 8);
  gateway->round_done(effects);
  effects.time += milliseconds(10'000);
  answer_read(tasks().back().ticket, 0);
  std::erase_if(told, [](const std::string& line) { return !line.starts_with("slow request"); });
  set_log_sink(nullptr);
  EXPECT_EQ(told, (std::vector<std::string>{"slow request op=seal ms=101 id=7 ticket=2 more_before=0",
                                            "slow request op=head ms=10000 id=8 ticket=4 more_before=1"}));
}

TEST_F(GatewayTest, CountsRefusedSealsByCode) {
  options.queue.seals_max = 1;
  start();
  seal_from("p");
  seal_from("p");
  from_peer("p", SealRequest{{seal_of("vaultd"), seal_of()}, true, false});
  from_peer("p", StatusRequest{});
  const auto unpacked = msgpack::unpack(last_reply().result.data(), last_reply().result.size());
  std::map<std::string, msgpack::object> status;
  unpacked.get().convert(status);
  EXPECT_EQ((status.at("seals_refused").as<std::map<std::string, int>>()),
            (std::map<std::string, int>{{"busy", 1},
                                        {"forbidden", 2},
                                        {"deadline_exceeded", 0},
                                        {"invalid_argument", 0},
                                        {"seal_id_conflict", 0},
                                        {"too_large", 0},
                                        {"unavailable", 0}}));
  EXPECT_GT(status.at("queue_bytes").as<int>(), 0);
}

TEST_F(GatewayTest, BadIngestIsToldAtMostOnceASecond) {
  start();
  PeerMessage garbage;
  garbage.socket = SocketKind::ingest;
  garbage.body = "\xc1";
  for (int i = 0; i < 10; ++i) gateway->handle(garbage, effects);
  EXPECT_EQ(effects.messages<AlertMessage>(ActorId::publisher).size(), 1U);
  effects.time += milliseconds(1'100);
  gateway->handle(garbage, effects);
  const auto alerts = effects.messages<AlertMessage>(ActorId::publisher);
  ASSERT_EQ(alerts.size(), 2U);
  EXPECT_NE(alerts[1].alert.message.find("9 more"), std::string::npos);
  EXPECT_TRUE(effects.frames.empty()) << "ingest has no reply";
}

}  // namespace
}  // namespace vault
