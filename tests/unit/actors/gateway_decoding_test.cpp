// Large messages: decoded aside, in turns, keeping their place.
#include <gtest/gtest.h>

#include "actors/decoder.hpp"
#include "actors/gateway.hpp"
#include "recorded_effects.hpp"
#include "wire/error.hpp"

namespace vault {
namespace {

class GatewayDecodingTest : public ::testing::Test {
 protected:
  GatewayDecodingTest() {
    options.decoded_aside_bytes = 1'000;
    options.queue.bytes_max = 40'000;
    options.readers = 1;
    gateway.emplace(options);
    gateway->start(effects);
    WriterStatus status;
    status.writer = status.ready = true;
    gateway->handle(status, effects);
  }
  void send(const std::string& peer, std::string body, SocketKind socket = SocketKind::requests) {
    PeerMessage message;
    message.socket = socket;
    if (socket == SocketKind::requests) message.envelope = {peer, ""};
    message.body = std::move(body);
    gateway->handle(std::move(message), effects);
    gateway->round_done(effects);
  }
  static std::string sealing(std::size_t bytes, std::uint64_t id = 7) {
    Seal seal;
    seal.session_id = std::to_string(id);
    seal.authority = "a";
    seal.seal_data = "{\"k\":\"" + std::string(bytes, 'x') + "\"}";
    return encode_request(id, SealRequest{{seal}, false, false});
  }
  std::size_t tasks() const { return effects.messages<DecodeTask>(ActorId::decoder).size(); }
  // The decoder performs its latest task.
  void decode() {
    Decoder decoder;
    RecordedEffects its;
    decoder.handle(effects.messages<DecodeTask>(ActorId::decoder).back(), its);
    gateway->handle(its.messages<DecodeAnswer>(ActorId::gateway).at(0), effects);
    gateway->round_done(effects);
  }
  // The orders passed to the writer, by the ids of the requests.
  std::vector<std::string> handed() const {
    std::vector<std::string> sessions;
    for (const SealOrders& orders : effects.messages<SealOrders>(ActorId::writer)) {
      for (const SealOrder& order : orders.orders) sessions.push_back(order.seals.at(0).session_id);
    }
    return sessions;
  }
  std::string last_error(std::uint64_t id) {
    if (effects.frames.empty()) return "nothing";
    const Reply reply = *decode_reply(effects.frames.back().second.back());
    EXPECT_EQ(reply.id, id);
    return reply.error ? std::string(error_name(reply.error->code)) : "ok";
  }
  using Names = std::vector<std::string>;

  GatewayOptions options;
  RecordedEffects effects;
  std::optional<Gateway> gateway;
};

TEST_F(GatewayDecodingTest, OthersGoOnWhileALargeMessageIsDecodedAndItsProducersSealsKeepTheirOrder) {
  send("a", sealing(10, 1));
  send("a", sealing(5'000, 2));
  send("a", sealing(10, 3));
  send("b", sealing(10, 4));
  EXPECT_EQ(handed(), (Names{"1", "4"}));
  send("a", encode_request(7, StatusRequest{}));
  EXPECT_EQ(last_error(7), "ok");
  ASSERT_EQ(tasks(), 1U);
  decode();
  EXPECT_EQ(handed(), (Names{"1", "4", "2", "3"}));
}

TEST_F(GatewayDecodingTest, PeersTakeTurnsAtTheDecoderWhichHasOneMessageAtATime) {
  for (const std::uint64_t id : {1U, 2U, 3U}) send("a", sealing(5'000, id));
  send("b", sealing(5'000, 4));
  for (std::size_t i = 1; i <= 4; ++i) {
    ASSERT_EQ(tasks(), i);
    decode();
  }
  EXPECT_EQ(tasks(), 4U);  // the second of a had its turn before b came
  EXPECT_EQ(handed(), (Names{"1", "2", "4", "3"}));
}

TEST_F(GatewayDecodingTest, WhatIsRefusedGivesItsPlaceAndItsCreditBack) {
  std::string broken = sealing(5'000, 7);
  broken.resize(broken.size() - 1);
  send("a", broken);
  send("a", sealing(10, 2));
  EXPECT_EQ(handed(), Names{});
  decode();
  EXPECT_EQ(last_error(7), "invalid_message");
  EXPECT_EQ(handed(), Names{"2"});
  for (const std::uint64_t id : {3U, 4U, 5U, 6U, 7U, 8U})
    send("c", sealing(5'000, id));  // as much as there is room for
  EXPECT_EQ(effects.frames.size(), 1U);
}

TEST_F(GatewayDecodingTest, BytesCountFromTheMomentInWhichTheyCome) {
  for (std::uint64_t id = 1; id <= 30; ++id) send("a", sealing(5'000, id));
  EXPECT_EQ(last_error(30), "busy");
  EXPECT_EQ(effects.frames.size(), 23U);
  EXPECT_FALSE(gateway->wants_ingest());
  for (int i = 0; i < 7; ++i) decode();
  EXPECT_EQ(effects.frames.size(), 23U);
  EXPECT_EQ(handed().size(), 7U);
}

TEST_F(GatewayDecodingTest, OneWhoseTimeIsUpIsToldSoUnderItsIdAndNotSealed) {
  send("a", sealing(5'000, 1));
  send("a", sealing(5'000, 2));
  effects.time += options.request_timeout;
  gateway->handle(TimerFired{1}, effects);
  EXPECT_EQ(last_error(2), "deadline_exceeded");
  EXPECT_EQ(effects.frames.size(), 2U);
  decode();
  decode();
  EXPECT_EQ(effects.frames.size(), 2U);
  EXPECT_EQ(handed(), Names{});
  send("a", sealing(10, 3));
  EXPECT_EQ(handed(), Names{"3"});
}

TEST_F(GatewayDecodingTest, IngestKeepsItsOrderAndItsFailuresAreTold) {
  send("", sealing(5'000, 1), SocketKind::ingest);
  send("", encode_request(7, ListRequest{}), SocketKind::ingest);
  send("", sealing(10, 2), SocketKind::ingest);
  EXPECT_EQ(handed(), Names{});
  decode();
  EXPECT_EQ(handed(), (Names{"1", "2"}));
}

TEST_F(GatewayDecodingTest, AStopWaitsForWhatIsBeingDecoded) {
  send("a", sealing(5'000, 1));
  EXPECT_FALSE(gateway->stop(effects));
  effects.time += std::chrono::seconds(1);
  EXPECT_FALSE(gateway->stop(effects));
  decode();
  EXPECT_EQ(last_error(1), "unavailable");
  EXPECT_TRUE(gateway->stop(effects));
}

TEST_F(GatewayDecodingTest, AQuestionMayBeLargeToo) {
  std::string list = encode_request(7, ListRequest{});
  list.front() = static_cast<char>(list.front() + 1);  // one member more
  list += "\xa3x-t\xda\x07\xd0" + std::string(2'000, 'x');
  send("a", list);
  decode();
  EXPECT_EQ(effects.messages<ReadTask>(reader_id(0)).size(), 1U);
  send("a", sealing(10, 2));
  EXPECT_EQ(handed(), Names{"2"});
}

}  // namespace
}  // namespace vault
