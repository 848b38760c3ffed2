// Requests that the gateway refuses before decoding, or does not answer at all.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "actors/gateway.hpp"
#include "recorded_effects.hpp"
#include "wire/error.hpp"

namespace vault {
namespace {

class GatewayAdmissionTest : public ::testing::Test {
 protected:
  GatewayAdmissionTest() {
    options.queue.bytes_max = 800'000;
    options.decoded_aside_bytes = std::size_t{1} << 20;
    options.readers = 1;
    gateway.emplace(options);
    gateway->start(effects);
    writable(true);
  }
  void writable(bool ready) {
    WriterStatus status;
    status.writer = status.ready = ready;
    gateway->handle(status, effects);
  }
  void send(std::vector<std::string> envelope, std::string body, const std::string& user = "") {
    PeerMessage message;
    message.envelope = std::move(envelope);
    message.body = std::move(body);
    message.user_id = user;
    gateway->handle(std::move(message), effects);
    gateway->round_done(effects);
  }
  static std::string sealing(std::size_t bytes, std::uint64_t id = 7) {
    Seal seal;
    seal.session_id = "s";
    seal.authority = "a";
    seal.seal_data = "{\"k\":\"" + std::string(bytes, 'x') + "\"}";
    return encode_request(id, SealRequest{{seal}, false, false});
  }
  // Large, with the same id, and impossible to decode: only a gateway that does not decode it answers differently.
  static std::string undecodable(std::size_t bytes) {
    std::string body = sealing(bytes);
    body.resize(body.size() - 1);
    return body;
  }
  std::string last_error() {
    if (effects.frames.empty()) return "nothing";
    const Reply reply = *decode_reply(effects.frames.back().second.back());
    EXPECT_EQ(reply.id, 7U);
    return reply.error ? std::string(error_name(reply.error->code)) : "ok";
  }

  GatewayOptions options;
  RecordedEffects effects;
  std::optional<Gateway> gateway;
};

TEST_F(GatewayAdmissionTest, AFullQueueRefusesALargeMessageUndecoded) {
  send({"a", ""}, undecodable(300'000));
  EXPECT_EQ(last_error(), "invalid_message");
  for (int i = 0; i < 3; ++i) send({"a", ""}, sealing(250'000));
  send({"a", ""}, undecodable(300'000));
  EXPECT_EQ(last_error(), "busy");
}

TEST_F(GatewayAdmissionTest, WithoutAWriterALargeMessageIsNotDecoded) {
  writable(false);
  send({"a", ""}, undecodable(300'000));
  EXPECT_EQ(last_error(), "unavailable");
}

// Only a seal shows whether sealing works again.
TEST_F(GatewayAdmissionTest, AWriterOnTrialGetsSealsAndIsNotCalledReady) {
  WriterStatus status;
  status.trial = true;
  status.detail = "the disk is full";
  gateway->handle(status, effects);
  send({"a", ""}, sealing(10));
  EXPECT_EQ(effects.messages<SealOrders>(ActorId::writer).size(), 1U);
  send({"a", ""}, encode_request(7, StatusRequest{}));
  const Reply reply = *decode_reply(effects.frames.back().second.back());
  EXPECT_FALSE(nlohmann::json::from_msgpack(reply.result).at("ready").get<bool>());
}

TEST_F(GatewayAdmissionTest, AKeyWithoutTheRoleCannotMakeItDecodeLargeMessages) {
  PeerKey key;
  key.reader = true;
  gateway->handle(KeysChanged{std::make_shared<const KeyRing>(KeyRing{{"KEY", key}})}, effects);
  send({"a", ""}, undecodable(300'000), "KEY");
  EXPECT_EQ(last_error(), "forbidden");
}

TEST_F(GatewayAdmissionTest, OneWhoHoldsManyBytesLeavesRoomForTheModest) {
  send({"b", ""}, sealing(10));
  for (int i = 0; i < 10; ++i) send({"a", ""}, sealing(90'000));
  EXPECT_EQ(last_error(), "busy");
  send({"b", ""}, sealing(50'000));
  EXPECT_NE(effects.frames.back().second.front(), "b");  // taken
}

TEST_F(GatewayAdmissionTest, AnEnvelopeHasALimitAndIsEchoedAllTheSame) {
  send({"a", "", "", "", "", "", "", "", std::string(1'024, 'e')}, sealing(10));
  EXPECT_EQ(last_error(), "nothing");
  send({"a", std::string(1'025, 'e')}, sealing(10));
  EXPECT_EQ(last_error(), "too_large");
  EXPECT_EQ(effects.frames.back().second.size(), 3U);
  send({"a", "", "", "", "", "", "", "", "", ""}, sealing(10));
  EXPECT_EQ(last_error(), "too_large");
}

TEST_F(GatewayAdmissionTest, AnEmptyProbeIsNoRequest) {
  send({"a"}, "");
  EXPECT_EQ(last_error(), "nothing");
  PeerMessage empty;
  empty.envelope = {"a", ""};
  gateway->handle(std::move(empty), effects);
  ASSERT_EQ(effects.frames.size(), 1U);  // with a delimiter it is one
}

TEST_F(GatewayAdmissionTest, UnreadRepliesMakeQueriesBusyAndSealsGoOn) {
  const std::string list = encode_request(7, ListRequest{});
  effects.unread_by_full = options.unread_peer_max;
  send({"full", ""}, list);
  EXPECT_EQ(last_error(), "busy");
  send({"reads", ""}, list);
  EXPECT_EQ(effects.messages<ReadTask>(reader_id(0)).size(), 1U);
  send({"reads", ""}, list);  // waits for the reader, and then there is no more room
  effects.unread_by_all = options.unread_all_max;
  ReadAnswer page;
  page.ticket = effects.messages<ReadTask>(reader_id(0))[0].ticket;
  page.message = "page";
  gateway->handle(std::move(page), effects);
  EXPECT_EQ(last_error(), "busy");
  send({"full", ""}, sealing(10));
  EXPECT_EQ(effects.messages<SealOrders>(ActorId::writer).size(), 1U);
}

}  // namespace
}  // namespace vault
