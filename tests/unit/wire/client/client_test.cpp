// The client against a small test server: a ROUTER in a thread.
#include "wire/client/client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <csignal>
#include <functional>
#include <thread>
#include <zmq.hpp>

#include "tests/unit/wire/samples.hpp"
#include "wire/client/subscriber.hpp"

namespace vault {
namespace {

using namespace std::chrono_literals;

// Passes every request to a handler, which answers now, later or never through send().
class FakeServer {
 public:
  using Handler = std::function<void(FakeServer&, const Request&)>;

  explicit FakeServer(Handler handler, const std::string& curve_secret = {}) : handler_(std::move(handler)) {
    socket_.set(zmq::sockopt::linger, 0);
    if (!curve_secret.empty()) {
      socket_.set(zmq::sockopt::curve_server, true);
      socket_.set(zmq::sockopt::curve_secretkey, curve_secret);
    }
    socket_.bind("tcp://127.0.0.1:*");
    endpoint_ = socket_.get(zmq::sockopt::last_endpoint);
    thread_ = std::thread([this] { run(); });
  }
  ~FakeServer() { stop(); }
  FakeServer(const FakeServer&) = delete;
  FakeServer& operator=(const FakeServer&) = delete;

  const std::string& endpoint() const { return endpoint_; }
  // Stops answering. From here on, data recorded by its handler may be read.
  void stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  // From the handler only.
  void send(const std::string& message) {
    socket_.send(zmq::buffer(peer_), zmq::send_flags::sndmore);
    socket_.send(zmq::buffer(message));
  }

 private:
  void run() {
    while (!stop_) {
      zmq::pollitem_t item{socket_.handle(), 0, ZMQ_POLLIN, 0};
      zmq::poll(&item, 1, 10ms);
      if ((item.revents & ZMQ_POLLIN) == 0) continue;
      zmq::message_t peer, body;
      (void)socket_.recv(peer);
      (void)socket_.recv(body);
      peer_ = peer.to_string();
      const auto request = decode_request(body.to_string_view(), CodecLimits{});
      if (request) {
        handler_(*this, *request);
      } else {
        send(encode_error_reply(request.error().id, request.error().error));
      }
    }
  }

  Handler handler_;
  zmq::context_t context_;
  zmq::socket_t socket_{context_, zmq::socket_type::router};
  std::string endpoint_;
  std::string peer_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

std::unique_ptr<Client> connect(const FakeServer& server, std::chrono::milliseconds timeout = 5s) {
  auto client = Client::connect({.endpoint = server.endpoint(), .timeout = timeout, .curve = {}});
  EXPECT_TRUE(client);
  return std::move(*client);
}

SealDraft draft() {
  return {"s", "a", "SEAL", R"({"b":1, "a":2.50})", ""};
}

FakeServer::Handler answer(ReplyBody body) {
  return [body](FakeServer& server, const Request& request) { server.send(encode_reply(request.id, body)); };
}

TEST(Client, SealsWhatTheDraftSays) {
  SealRequest seen;
  FakeServer server([&](FakeServer& self, const Request& request) {
    seen = std::get<SealRequest>(request.operation);
    self.send(encode_reply(request.id, samples::signed_receipt()));
  });
  SealDraft one = draft();
  one.seal_id = samples::seal_id_text;
  const auto receipt = connect(server)->append_entry(one, true);
  ASSERT_TRUE(receipt) << receipt.error().message;
  EXPECT_EQ(*receipt, AnyReceipt(samples::signed_receipt()));
  server.stop();
  ASSERT_EQ(seen.seals.size(), 1U);
  EXPECT_EQ(seen.seals[0], (Seal{"s", "a", Verdict::seal, R"({"a":2.5,"b":1})", parse_uuid(samples::seal_id_text)}));
  EXPECT_TRUE(seen.sign);
  EXPECT_FALSE(seen.batch);
}

TEST(Client, SealsBatches) {
  FakeServer server(answer(ReceiptsResult{{samples::receipt(), samples::receipt()}}));
  const SealDraft drafts[] = {draft(), draft()};
  const auto receipts = connect(server)->append_entries(drafts);
  ASSERT_TRUE(receipts) << receipts.error().message;
  EXPECT_EQ(std::get<std::vector<Receipt>>(*receipts).size(), 2U);
}

TEST(Client, ReadsEntries) {
  const Entry entry = samples::sealed(samples::entry());
  FakeServer server(answer(entry));
  auto client = connect(server);
  EXPECT_EQ(client->get_entry_by_sequence(42), entry);
  EXPECT_EQ(client->get_entry_by_seal_id(samples::seal_id_text), AnyEntry(entry));
  EXPECT_EQ(client->get_entry_by_seal_id("x").error().field, "seal_id");
}

TEST(Client, WhatIsKeptIsNoEntry) {
  const KeptSeal kept = samples::kept_seal();
  FakeServer server(answer(kept));
  auto client = connect(server);
  EXPECT_EQ(client->get_entry_by_seal_id(samples::seal_id_text), AnyEntry(kept));
  const auto refused = client->get_entry_by_sequence(42);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
}

TEST(Client, HandsOutNoEntryWhoseHashesDoNotFit) {
  Entry entry = samples::sealed(samples::entry());
  entry.verdict = Verdict::seal;
  FakeServer server(answer(entry));
  const auto refused = connect(server)->get_entry_by_sequence(42);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::internal);
  EXPECT_EQ(refused.error().field, "entry.entry_hash");
  EXPECT_NE(refused.error().message.find("entry 42: hash DOES NOT FIT"), std::string::npos);
  const auto unchecked = Client::connect({.endpoint = server.endpoint(), .curve = {}, .check_hashes = false});
  EXPECT_EQ((*unchecked)->get_entry_by_sequence(42), entry);
}

TEST(Client, HandsOutNoEntryWithoutItsPayload) {
  FakeServer server(answer(samples::sealed_without_payload(samples::entry())));
  const auto refused = connect(server)->get_entry_by_sequence(42);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::internal);
  EXPECT_EQ(refused.error().field, "entry.seal_data");
}

TEST(Client, HandsOutNoPageWithSuchAnEntry) {
  std::vector<Entry> entries = {samples::entry(), samples::entry(), samples::entry()};
  for (std::size_t i = 0; i < entries.size(); ++i) entries[i].sequence = static_cast<std::int64_t>(44 - i);
  entries = samples::sealed(entries);
  entries[1].seal_data = "{}";
  FakeServer server(answer(Page{entries, {}}));
  auto client = connect(server);
  for (const auto& refused :
       {client->list_entries(), client->query_by_verdict(Verdict::hold), client->get_entries_by_session("s")}) {
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().field, "entries[1].data_hash");
  }
}

TEST(Client, ReadsPages) {
  const Page page{{samples::sealed(samples::entry())}, 42};
  std::vector<Operation> seen;
  FakeServer server([&](FakeServer& self, const Request& request) {
    seen.push_back(request.operation);
    self.send(encode_reply(request.id, page));
  });
  auto client = connect(server);
  EXPECT_EQ(client->get_entries_by_session("s", 5, 6), AnyPage(page));
  EXPECT_EQ(client->list_entries(), AnyPage(page));
  EXPECT_EQ(client->query_by_verdict(Verdict::void_, Timestamp{1}, Timestamp{2}, 7, 8), AnyPage(page));
  server.stop();
  ASSERT_EQ(seen.size(), 3U);
  const PageRequest& session = *std::get<ReadRequest>(seen[0]).session;
  EXPECT_EQ(session.session_id, "s");
  EXPECT_EQ(session.cursor, 5);
  EXPECT_EQ(session.limit, 6U);
  EXPECT_EQ(std::get<ListRequest>(seen[1]).page, PageRequest{});
  const PageRequest& query = std::get<ListRequest>(seen[2]).page;
  EXPECT_EQ(query.verdict, Verdict::void_);
  EXPECT_EQ(query.from, Timestamp{1});
  EXPECT_EQ(query.to, Timestamp{2});
  EXPECT_EQ(query.cursor, 7);
  EXPECT_EQ(query.limit, 8U);
}

TEST(Client, AsksForProofs) {
  FakeServer server([](FakeServer& self, const Request& request) {
    if (std::holds_alternative<ProofRequest>(request.operation)) {
      self.send(encode_reply(request.id, ProofResult{5, 4, 9, {}, {}, {samples::hash_of(3)}, "note"}));
    } else if (std::holds_alternative<ConsistencyRequest>(request.operation)) {
      self.send(encode_reply(request.id, ConsistencyResult{3, 9, {}, {}, {}}));
    } else if (std::holds_alternative<CheckpointRequest>(request.operation)) {
      self.send(encode_reply(request.id, CheckpointResult{"note", 9, "vkey"}));
    } else {
      self.send(encode_reply(request.id, HeadResult{empty_head()}));
    }
  });
  auto client = connect(server);
  EXPECT_EQ(client->get_merkle_proof(5, 9)->proof.size(), 1U);
  EXPECT_EQ(client->get_consistency_proof(3)->second, 9);
  EXPECT_EQ(client->get_checkpoint()->tree_size, 9);
  EXPECT_EQ(client->get_head(), empty_head());
}

TEST(Client, HandsOutTheServersRefusal) {
  const Error error{ErrorCode::not_found, "no such entry", "sequence"};
  FakeServer server(
      [&](FakeServer& self, const Request& request) { self.send(encode_error_reply(request.id, error)); });
  EXPECT_EQ(connect(server)->get_entry_by_sequence(1).error(), error);
}

TEST(Client, AnUnreadableReplyIsAnInternalError) {
  FakeServer server([](FakeServer& self, const Request&) { self.send("\xc1"); });
  EXPECT_EQ(connect(server)->get_head().error().code, ErrorCode::internal);
}

TEST(Client, NobodyThereIsUnavailable) {
  auto client = Client::connect({.endpoint = "ipc:///nonexistent/requests", .timeout = 50ms, .curve = {}});
  ASSERT_TRUE(client);
  EXPECT_EQ((*client)->get_head().error().code, ErrorCode::unavailable);
  EXPECT_EQ((*client)->submit(HeadRequest{}).error().code, ErrorCode::unavailable);
  // The wait for the connection may be shorter than that for the reply.
  client = Client::connect(
      {.endpoint = "ipc:///nonexistent/requests", .timeout = 60s, .curve = {}, .connect_timeout = 50ms});
  const auto started = std::chrono::steady_clock::now();
  EXPECT_THAT((*client)->get_head().error().message, testing::HasSubstr("within 50 ms"));
  EXPECT_LT(std::chrono::steady_clock::now() - started, 10s);
}

TEST(Client, NoReplyIsDeadlineExceededAndItsLateReplyIsDiscarded) {
  std::vector<RequestId> held;
  FakeServer server([&](FakeServer& self, const Request& request) {
    held.push_back(request.id);
    if (held.size() < 2) return;
    Head late;
    late.sequence = 1;
    self.send(encode_reply(held[0], HeadResult{late}));
    self.send(encode_reply(held[1], HeadResult{empty_head()}));
  });
  auto client = connect(server, 1s);
  EXPECT_EQ(client->get_head().error().code, ErrorCode::deadline_exceeded);
  EXPECT_EQ(client->get_head(), empty_head());
  EXPECT_EQ(client->next_reply(1ms).error().code, ErrorCode::deadline_exceeded);
}

TEST(Client, AThousandInFlightInAnyOrder) {
  std::vector<RequestId> held;
  FakeServer server([&](FakeServer& self, const Request& request) {
    held.push_back(request.id);
    if (held.size() < 1000) return;
    for (auto id = held.rbegin(); id != held.rend(); ++id) self.send(encode_reply(*id, HeadResult{empty_head()}));
  });
  auto client = connect(server);
  std::set<std::uint64_t> open;
  for (int i = 0; i < 1000; ++i) open.insert(client->submit(HeadRequest{}).value());
  EXPECT_EQ(open.size(), 1000U);
  for (int i = 0; i < 1000; ++i) {
    const auto reply = client->next_reply(5s);
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(open.erase(reply->id), 1U);
  }
  EXPECT_TRUE(open.empty());
}

TEST(Client, ACallKeepsTheRepliesToWhatWasSubmitted) {
  std::vector<RequestId> held;
  FakeServer server([&](FakeServer& self, const Request& request) {
    held.push_back(request.id);
    if (held.size() < 2) return;
    for (const RequestId& id : held) self.send(encode_reply(id, HeadResult{empty_head()}));
  });
  auto client = connect(server);
  const auto id = client->submit(HeadRequest{});
  ASSERT_TRUE(id);
  EXPECT_TRUE(client->get_head());
  const auto reply = client->next_reply(5s);
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->id, *id);
}

TEST(Client, ProgressIsReportedAndKeepsTheCallAlive) {
  FakeServer server([](FakeServer& self, const Request& request) {
    EXPECT_TRUE(std::get<VerifyRangeRequest>(request.operation).progress);
    for (int i = 1; i <= 4; ++i) {
      std::this_thread::sleep_for(300ms);
      self.send(encode_progress(request.id, i, 4));
    }
    self.send(encode_reply(request.id, VerifyResult{}));
  });
  std::vector<std::int64_t> seen;
  const auto verified = connect(server, 1s)->verify_chain({}, {}, [&](std::int64_t checked, std::int64_t total) {
    EXPECT_EQ(total, 4);
    seen.push_back(checked);
  });
  ASSERT_TRUE(verified) << verified.error().message;
  EXPECT_EQ(seen, (std::vector<std::int64_t>{1, 2, 3, 4}));
}

TEST(Client, ASignalDoesNotCutACallShort) {
  struct sigaction interrupt {};
  interrupt.sa_handler = [](int) {};
  struct sigaction before {};
  ASSERT_EQ(sigaction(SIGUSR1, &interrupt, &before), 0);
  FakeServer server([](FakeServer& self, const Request& request) {
    std::this_thread::sleep_for(100ms);
    self.send(encode_reply(request.id, HeadResult{empty_head()}));
  });
  const pthread_t caller = pthread_self();
  std::thread other([caller] {
    for (int i = 0; i < 10; ++i) {
      std::this_thread::sleep_for(10ms);
      pthread_kill(caller, SIGUSR1);
    }
  });
  EXPECT_TRUE(connect(server)->get_head());
  other.join();
  sigaction(SIGUSR1, &before, nullptr);
}

TEST(Client, RefusesEndpointsAndKeysThatCannotBe) {
  for (const char* url : {"postgresql://u:s3cret@h/db", "tcp://u:s3cret@h:5432", "u:s3cret@h"}) {
    const Error error = Client::connect({.endpoint = url, .timeout = 1s, .curve = {}}).error();
    EXPECT_EQ(error.code, ErrorCode::invalid_argument);
    EXPECT_EQ(error.message.find("s3cret"), std::string::npos) << error.message;
    EXPECT_EQ(Subscriber::connect({.endpoint = url, .curve = {}}).error().message, error.message);
  }
  EXPECT_EQ(Client::connect({.endpoint = "nonsense", .timeout = 1s, .curve = {}}).error().code,
            ErrorCode::invalid_argument);
  EXPECT_EQ(
      Client::connect({.endpoint = "tcp://127.0.0.1:1", .timeout = 1s, .curve = CurveKeys{"a", "b", "c"}}).error().code,
      ErrorCode::invalid_argument);
}

struct KeyPair {
  std::string public_key = std::string(41, '\0'), secret_key = std::string(41, '\0');
  KeyPair() {
    zmq_curve_keypair(public_key.data(), secret_key.data());
    public_key.resize(40);
    secret_key.resize(40);
  }
};

TEST(Client, SpeaksCurve) {
  const KeyPair server_keys, client_keys, other_keys;
  FakeServer server(answer(HeadResult{empty_head()}), server_keys.secret_key);
  ClientOptions options{.endpoint = server.endpoint(),
                        .timeout = 5s,
                        .curve = CurveKeys{server_keys.public_key, client_keys.public_key, client_keys.secret_key}};
  EXPECT_TRUE((*Client::connect(options))->get_head());
  options.timeout = 300ms;
  options.curve->server_public = other_keys.public_key;
  EXPECT_EQ((*Client::connect(options))->get_head().error().code, ErrorCode::unavailable);
  options.curve.reset();
  EXPECT_EQ((*Client::connect(options))->get_head().error().code, ErrorCode::unavailable);
}

TEST(CheckDraft, NamesWhatIsWrong) {
  const auto field_of = [](const std::function<void(SealDraft&)>& change) {
    SealDraft changed = draft();
    change(changed);
    const auto checked = check_draft(changed);
    return checked ? "taken" : checked.error().field;
  };
  EXPECT_EQ(field_of([](SealDraft&) {}), "taken");
  EXPECT_EQ(field_of([](SealDraft& d) { d.session_id = ""; }), "seal.session_id");
  EXPECT_EQ(field_of([](SealDraft& d) { d.authority = "\n"; }), "seal.authority");
  EXPECT_EQ(field_of([](SealDraft& d) { d.session_id = "vaultd/x"; }), "seal.session_id");
  EXPECT_EQ(field_of([](SealDraft& d) { d.authority = "vaultd"; }), "seal.authority");
  EXPECT_EQ(field_of([](SealDraft& d) { d.verdict = "seal"; }), "seal.verdict");
  EXPECT_EQ(field_of([](SealDraft& d) { d.seal_id = "1"; }), "seal.seal_id");
  EXPECT_EQ(field_of([](SealDraft& d) { d.seal_data = "[]"; }), "seal.seal_data");
  EXPECT_EQ(field_of([](SealDraft& d) { d.seal_data = R"({"a":{"b":1,"b":2}})"; }), "seal.seal_data.a.b");
  EXPECT_EQ(check_draft(draft(), 5).error().code, ErrorCode::too_large);
  EXPECT_EQ(check_draft(draft())->seal_data, R"({"a":2.5,"b":1})");
}

TEST(CheckDraft, ABatchNamesTheSealByItsIndex) {
  FakeServer server(answer(ReceiptsResult{}));
  SealDraft drafts[] = {draft(), draft()};
  drafts[1].verdict = "?";
  EXPECT_EQ(connect(server)->append_entries(drafts).error().field, "seals[1].verdict");
}

}  // namespace
}  // namespace vault
