#include "actors/gateway.hpp"

#include <gtest/gtest.h>

#include "recorded_effects.hpp"
#include "wire/error.hpp"

namespace vault {
namespace {

using std::chrono::milliseconds;

class GatewayTest : public ::testing::Test {
 protected:
  GatewayTest() {
    options.queue_seals_max = 80;
    options.writer_window_seals = 8;
    options.readers = 2;
    options.request_timeout = milliseconds(1'000);
  }

  void start() {
    gateway.emplace(options);
    gateway->start(effects);
    WriterStatus status;
    status.writer = status.ready = status.database_connected = true;
    gateway->handle(status, effects);
  }

  static Seal seal_of(const std::string& authority = "a") {
    Seal seal;
    seal.session_id = "s";
    seal.authority = authority;
    seal.seal_data = "{}";
    return seal;
  }

  void from_peer(const std::string& peer, const Operation& operation, std::uint64_t id = 1,
                 SocketKind socket = SocketKind::requests, const std::string& user = "") {
    PeerMessage message;
    message.socket = socket;
    if (socket == SocketKind::requests) message.envelope = {peer, ""};
    message.body = encode_request(id, operation);
    message.user_id = user;
    gateway->handle(std::move(message), effects);
  }
  void seal_from(const std::string& peer, std::uint64_t id = 1, const std::string& user = "") {
    from_peer(peer, SealRequest{{seal_of()}, false, false}, id, SocketKind::requests, user);
  }

  // Orders handed to the writer so far, flattened.
  std::vector<SealOrder> orders() {
    std::vector<SealOrder> out;
    for (const SealOrders& sent : effects.messages<SealOrders>(ActorId::writer)) {
      out.insert(out.end(), sent.orders.begin(), sent.orders.end());
    }
    return out;
  }
  void answer(Ticket ticket, std::int64_t sequence) {
    Receipt receipt;
    receipt.entry.sequence = sequence;
    SealAnswers answers;
    answers.answers.push_back({ticket, std::vector<Receipt>{receipt}});
    gateway->handle(std::move(answers), effects);
  }
  Reply last_reply() {
    EXPECT_FALSE(effects.frames.empty());
    return *decode_reply(effects.frames.back().second.back());
  }
  std::string last_error() {
    const Reply reply = last_reply();
    return reply.error ? std::string(error_name(reply.error->code)) : "ok";
  }

  GatewayOptions options;
  RecordedEffects effects;
  std::optional<Gateway> gateway;
};

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
  // The modest one's only seal is the second to go, though twenty came before it.
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

TEST_F(GatewayTest, SignedReceiptsWaitForTheCheckpointThatCoversThem) {
  start();
  from_peer("p", SealRequest{{seal_of()}, false, true});
  gateway->round_done(effects);
  answer(orders()[0].ticket, 5);
  EXPECT_TRUE(effects.frames.empty());
  EXPECT_TRUE(effects.messages<ReadTask>(reader_id(0)).empty());
  CheckpointSigned checkpoint;
  checkpoint.checkpoint.tree_size = 4;
  gateway->handle(checkpoint, effects);
  gateway->round_done(effects);
  EXPECT_TRUE(effects.messages<ReadTask>(reader_id(0)).empty());
  checkpoint.checkpoint.tree_size = 9;
  gateway->handle(checkpoint, effects);
  gateway->round_done(effects);
  const auto tasks = effects.messages<ReadTask>(reader_id(0));
  ASSERT_EQ(tasks.size(), 1U);
  EXPECT_EQ(tasks[0].checkpoint->tree_size, 9);
}

TEST_F(GatewayTest, VerificationsLeaveTheFirstReaderFree) {
  start();
  from_peer("p", VerifyRangeRequest{});
  from_peer("p", VerifyRangeRequest{});
  from_peer("p", HeadRequest{});
  gateway->round_done(effects);
  EXPECT_EQ(effects.messages<ReadTask>(reader_id(1)).size(), 1U);
  const auto first = effects.messages<ReadTask>(reader_id(0));
  ASSERT_EQ(first.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<HeadRequest>(first[0].task));
}

TEST_F(GatewayTest, RolesAndAuthoritiesBindCurvePeers) {
  start();
  auto ring = std::make_shared<KeyRing>();
  (*ring)["producer-key"] = {"bot", true, false, false, {"deploy"}};
  (*ring)["reader-key"] = {"eye", false, true, false, {}};
  (*ring)["admin-key"] = {"root", false, false, true, {}};
  gateway->handle(KeysChanged{ring}, effects);
  seal_from("p", 1, "producer-key");
  EXPECT_EQ(last_error(), "forbidden");
  EXPECT_EQ(last_reply().error->field, "seal.authority");
  effects.frames.clear();
  from_peer("p", SealRequest{{seal_of("deploy")}, false, false}, 1, SocketKind::requests, "producer-key");
  EXPECT_TRUE(effects.frames.empty());
  from_peer("p", HeadRequest{}, 1, SocketKind::requests, "producer-key");
  EXPECT_EQ(last_error(), "forbidden");
  seal_from("p", 1, "reader-key");
  EXPECT_EQ(last_error(), "forbidden");
  seal_from("p", 1, "a-key-that-was-removed");
  EXPECT_EQ(last_error(), "forbidden");
  effects.frames.clear();
  seal_from("p", 1, "admin-key");
  EXPECT_TRUE(effects.frames.empty());
}

TEST_F(GatewayTest, NobodySealsUnderNamesThatAreVaultdsOwn) {
  start();
  auto ring = std::make_shared<KeyRing>();
  (*ring)["admin-key"] = {"root", true, true, true, {}};
  (*ring)["bound-key"] = {"bot", true, false, false, {"vaultd"}};
  gateway->handle(KeysChanged{ring}, effects);
  Seal in_session = seal_of();
  in_session.session_id = "vaultd/rollback";
  for (const std::string user : {"", "admin-key", "bound-key"}) {  // "": over ipc
    from_peer("p", SealRequest{{seal_of("vaultd")}, false, false}, 1, SocketKind::requests, user);
    EXPECT_EQ(last_error(), "forbidden");
    EXPECT_EQ(last_reply().error->field, "seal.authority");
  }
  from_peer("p", SealRequest{{in_session}, false, false});
  EXPECT_EQ(last_error(), "forbidden");
  EXPECT_EQ(last_reply().error->field, "seal.session_id");
  from_peer("p", SealRequest{{seal_of(), in_session, seal_of("vaultd")}, true, false});
  EXPECT_EQ(last_error(), "forbidden");
  EXPECT_EQ(last_reply().error->field, "seals[1].session_id");
  from_peer("p", SealRequest{{seal_of("Vaultd")}, false, false});
  gateway->round_done(effects);
  ASSERT_EQ(orders().size(), 1U) << "a name that only looks like it is somebody else's";
  EXPECT_EQ(orders()[0].seals[0].authority, "Vaultd");
}

TEST_F(GatewayTest, AReservedNameOnIngestIsToldUnderItsSealId) {
  start();
  Seal known = seal_of("vaultd");
  known.seal_id = parse_uuid("018f3c1e-7b2a-7c3d-9e4f-5a6b7c8d9e0f");
  from_peer("", SealRequest{{seal_of(), known}, true, false}, 1, SocketKind::ingest);
  gateway->round_done(effects);
  EXPECT_TRUE(orders().empty());
  EXPECT_TRUE(effects.frames.empty());
  const auto refused = effects.messages<IngestRefused>(ActorId::publisher);
  ASSERT_EQ(refused.size(), 1U);
  ASSERT_EQ(refused[0].refusals.size(), 1U);
  EXPECT_EQ(refused[0].refusals[0].first, *known.seal_id);
  EXPECT_EQ(refused[0].refusals[0].second.field, "seals[1].authority");
  const auto alerts = effects.messages<AlertMessage>(ActorId::publisher);
  ASSERT_EQ(alerts.size(), 1U);
  EXPECT_NE(alerts[0].alert.message.find("seals[1].authority"), std::string::npos);
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
