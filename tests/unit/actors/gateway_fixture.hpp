// A gateway whose peers, writer and readers are played by a test.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "actors/gateway.hpp"
#include "recorded_effects.hpp"
#include "wire/error.hpp"

namespace vault {

class GatewayTest : public ::testing::Test {
 protected:
  GatewayTest() {
    options.queue.seals_max = 80;
    options.queue.writer_seals_max = 8;
    options.readers = 2;
    options.request_timeout = std::chrono::milliseconds(1'000);
  }

  void start() {
    gateway.emplace(options);
    gateway->start(effects);
    WriterStatus status;
    status.writer = status.ready = status.settled = status.database_connected = true;
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

  // Orders passed to the writer so far, flattened.
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
  // Tasks passed to readers so far.
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

}  // namespace vault
