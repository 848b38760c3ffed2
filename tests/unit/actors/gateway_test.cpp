#include "actors/gateway.hpp"

#include <gtest/gtest.h>

#include <msgpack.hpp>

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
  // Handed to readers so far.
  std::vector<ReadTask> tasks() const {
    std::vector<ReadTask> out;
    for (const auto& [to, message] : effects.sent) {
      if (const auto* task = std::get_if<ReadTask>(&message)) out.push_back(*task);
    }
    return out;
  }
  void answer_read(Ticket ticket, std::size_t reader) {
    ReadAnswer answer;
    answer.ticket = ticket;
    answer.reader = reader_id(reader);
    answer.message = encode_reply({}, HeadResult{});
    gateway->handle(std::move(answer), effects);
  }
  // Raised or cleared, in order.
  std::vector<bool> alerts(const std::string& kind) const {
    std::vector<bool> out;
    for (const AlertMessage& one : effects.messages<AlertMessage>(ActorId::publisher)) {
      if (one.alert.kind == kind) out.push_back(one.alert.raised);
    }
    return out;
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

TEST_F(GatewayTest, VerificationsLeaveAReaderFree) {
  start();
  from_peer("p", VerifyRangeRequest{});
  from_peer("p", VerifyRangeRequest{});
  EXPECT_EQ(tasks().size(), 1U);
  from_peer("p", HeadRequest{});
  ASSERT_EQ(tasks().size(), 2U);
  EXPECT_TRUE(std::holds_alternative<HeadRequest>(tasks()[1].task));
  from_peer("p", VerifyRangeRequest{});
  EXPECT_EQ(last_error(), "busy") << "two a client";
}

TEST_F(GatewayTest, QuestionsOverAllBoundsAreBusyAndSealsGoOn) {
  start();
  for (int i = 0; i < 20'000; ++i) from_peer("greedy", HeadRequest{});
  EXPECT_EQ(last_error(), "busy");
  effects.frames.clear();
  from_peer("modest", HeadRequest{});
  seal_from("greedy");
  EXPECT_TRUE(effects.frames.empty());
  // The modest one's question waits for one of the greedy one's.
  answer_read(tasks()[0].ticket, 0);
  answer_read(tasks()[1].ticket, 1);
  ASSERT_EQ(tasks().size(), 4U);
  EXPECT_GT(tasks()[3].ticket, 20'000U);
}

// Somebody asks, does not wait, and is gone: nothing of his is run any more.
TEST_F(GatewayTest, WorkForAClientThatHasGoneEnds) {
  start();
  effects.peer = {7, 1};
  from_peer("gone", VerifyRangeRequest{});
  for (int i = 0; i < 100; ++i) from_peer("gone", HeadRequest{});
  effects.peer = {8, 2};
  from_peer("here", HeadRequest{});
  ASSERT_EQ(tasks().size(), 2U);
  effects.closed.insert(7);
  gateway->handle(TimerFired{2}, effects);
  ReadAnswer turn;
  turn.ticket = tasks()[0].ticket;
  turn.wait = ReadWait::turn;
  turn.task = tasks()[0];
  turn.reader = reader_id(0);
  gateway->handle(turn, effects);
  answer_read(tasks()[1].ticket, 1);
  ASSERT_EQ(tasks().size(), 3U) << "the verification does not go on, and the other questions are not asked";
  answer_read(tasks()[2].ticket, 0);
  ASSERT_EQ(effects.frames.size(), 1U);
  EXPECT_EQ(effects.frames[0].second[0], "here");
}

TEST_F(GatewayTest, AProgressThatReachesNobodyEndsTheVerification) {
  start();
  effects.peer = {7, 1};
  from_peer("p", VerifyRangeRequest{{}, {}, true});
  from_peer("p", HeadRequest{});
  from_peer("p", HeadRequest{});
  effects.peer_is_full = true;
  gateway->handle(ReadProgress{tasks()[0].ticket, "progress"}, effects);
  from_peer("p", VerifyRangeRequest{});
  from_peer("p", VerifyRangeRequest{});
  EXPECT_TRUE(effects.frames.empty()) << "one that does not read is not gone: its two verifications stand";
  effects.closed.insert(7);
  gateway->handle(ReadProgress{tasks()[0].ticket, "progress"}, effects);
  effects.peer_is_full = false;
  effects.peer = {9, 3};
  from_peer("p", VerifyRangeRequest{});
  from_peer("p", VerifyRangeRequest{});
  EXPECT_TRUE(effects.frames.empty()) << "there is room for two again";
}

TEST_F(GatewayTest, ReadersWithoutADatabaseAreToldOnceAndQuestionsRefusedAtOnce) {
  start();
  for (int i = 0; i < 3; ++i) from_peer("p", HeadRequest{});
  ReadAnswer lost;
  lost.ticket = tasks()[0].ticket;
  lost.lost = "connection refused";
  lost.message = encode_error_reply({}, {ErrorCode::unavailable, "x", {}});
  gateway->handle(lost, effects);
  lost.ticket = tasks()[1].ticket;
  lost.reader = reader_id(1);
  gateway->handle(lost, effects);
  EXPECT_EQ(effects.frames.size(), 3U) << "the one that waited is answered too";
  EXPECT_EQ(last_error(), "unavailable");
  from_peer("p", HeadRequest{});
  EXPECT_EQ(last_error(), "unavailable");
  EXPECT_NE(last_reply().error->message.find("connection refused"), std::string::npos);
  from_peer("p", StatusRequest{});
  EXPECT_EQ(alerts("readers"), (std::vector<bool>{true}));
  // Both are asked once a second, or when somebody asks for one, who then waits for that.
  effects.time += milliseconds(100);
  effects.frames.clear();
  from_peer("p", HeadRequest{});
  EXPECT_TRUE(effects.frames.empty());
  ASSERT_EQ(tasks().size(), 4U);
  EXPECT_TRUE(std::holds_alternative<ProbeTask>(tasks()[2].task));
  EXPECT_TRUE(std::holds_alternative<ProbeTask>(tasks()[3].task));
  answer_read(0, 0);
  ASSERT_EQ(tasks().size(), 5U);
  answer_read(tasks()[4].ticket, 0);
  EXPECT_EQ(last_error(), "ok");
  EXPECT_EQ(alerts("readers").size(), 1U);
  answer_read(0, 1);
  EXPECT_EQ(alerts("readers"), (std::vector<bool>{true, false}));
}

TEST_F(GatewayTest, WhatAReplicaDoesNotHaveYetIsWaitedForThenUnavailable) {
  start();
  from_peer("p", ProofRequest{5, {}});
  ReadAnswer behind;
  behind.ticket = tasks()[0].ticket;
  behind.wait = ReadWait::snapshot;
  behind.size = 5;
  behind.seen = 4;
  behind.task = tasks()[0];
  behind.message = encode_error_reply({}, {ErrorCode::unavailable, "behind", {}});
  gateway->handle(behind, effects);
  EXPECT_TRUE(effects.frames.empty());
  effects.time += milliseconds(1'001);
  gateway->handle(TimerFired{1}, effects);
  EXPECT_EQ(last_error(), "unavailable") << "not deadline_exceeded, not not_found";
}

TEST_F(GatewayTest, ACheckpointOfASizeIsWaitedFor) {
  start();
  CheckpointSigned checkpoint;
  checkpoint.checkpoint.tree_size = 4;
  gateway->handle(checkpoint, effects);
  PeerMessage message;
  message.envelope = {"p", ""};
  message.body =
      "\x84\xa1"
      "v\x01\xa2id\x07\xa2op\xaa"
      "checkpoint\xa8"
      "at_least\x05";
  gateway->handle(message, effects);
  EXPECT_TRUE(effects.frames.empty());
  checkpoint.checkpoint.tree_size = 6;
  gateway->handle(checkpoint, effects);
  ASSERT_EQ(effects.frames.size(), 1U);
  EXPECT_EQ(last_error(), "ok");
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

TEST_F(GatewayTest, StrangersSeeWhatIsPublicAndNothingElse) {
  start();
  auto ring = std::make_shared<KeyRing>();
  (*ring)["stranger-key"] = {.name = "web", .authorities = {}, .strangers = true};
  (*ring)["both-key"] = {.name = "web", .reader = true, .authorities = {}, .strangers = true};
  gateway->handle(KeysChanged{ring}, effects);
  const auto ask = [&](const Operation& operation, const char* user = "stranger-key") {
    from_peer("p", operation, 1, SocketKind::requests, user);
  };
  for (const Operation& operation :
       {Operation(HeadRequest{}), Operation(ListRequest{}), Operation(ProofRequest{1, {}}),
        Operation(ReadRequest{.sequence = 1, .seal_id = {}, .session = {}}), Operation(VerifyRangeRequest{}),
        Operation(ConsistencyRequest{0, {}}), Operation(SealRequest{{seal_of()}, false, false})}) {
    ask(operation);
    EXPECT_EQ(last_error(), "forbidden") << operation.index();
  }
  ask(CheckpointRequest{});
  EXPECT_EQ(last_error(), "unavailable");
  ask(TileRequest{});
  ask(EntryBundleRequest{});
  EXPECT_EQ(tasks().size(), 2U);
  ask(StatusRequest{});
  EXPECT_LT(last_reply().result.size(), 64U) << "role, ready and sequence";
  ask(StatusRequest{}, "both-key");
  EXPECT_GT(last_reply().result.size(), 300U);
}

TEST_F(GatewayTest, CountsRefusedSealsByCode) {
  options.queue_seals_max = 1;
  start();
  seal_from("p");
  seal_from("p");
  from_peer("p", SealRequest{{seal_of("vaultd"), seal_of()}, true, false});
  from_peer("p", StatusRequest{});
  const auto unpacked = msgpack::unpack(last_reply().result.data(), last_reply().result.size());
  std::map<std::string, msgpack::object> status;
  unpacked.get().convert(status);
  EXPECT_EQ((status.at("seals_refused").as<std::map<std::string, int>>()),
            (std::map<std::string, int>{{"busy", 1}, {"forbidden", 2}}));
  EXPECT_GT(status.at("queue_bytes").as<int>(), 0);
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
