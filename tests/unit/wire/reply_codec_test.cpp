#include "wire/codec.hpp"

#include <gtest/gtest.h>

#include "tests/unit/wire/samples.hpp"

namespace vault {
namespace {

using nlohmann::json;
using samples::pack;
using samples::unpack;

std::string result_of(const ReplyBody& body) {
  const auto reply = decode_reply(encode_reply(RequestId{"\x07"}, body));
  if (!reply) {
    ADD_FAILURE() << reply.error().message;
    return {};
  }
  EXPECT_EQ(reply->id, 7U);
  EXPECT_FALSE(reply->error);
  EXPECT_FALSE(reply->progress);
  return reply->result;
}

TEST(Replies, Receipt) {
  EXPECT_EQ(decode_receipt(result_of(samples::receipt())), AnyReceipt(samples::receipt()));
  EXPECT_EQ(decode_receipt(result_of(samples::signed_receipt())), AnyReceipt(samples::signed_receipt()));
  Receipt erased = samples::receipt();
  erased.entry.data_salt.reset();
  EXPECT_EQ(decode_receipt(result_of(erased)), AnyReceipt(erased));
}

TEST(Replies, ReceiptHasTheMembersOfTheProtocol) {
  const json expected = {{"v", 1},
                         {"id", 7},
                         {"ok", true},
                         {"result",
                          {{"sequence", 42},
                           {"seal_id", samples::seal_id_text},
                           {"session_id", "session-1"},
                           {"verdict", "888_HOLD"},
                           {"authority", "deploy-bot"},
                           {"timestamp", "2026-01-02T03:04:05.000678Z"},
                           {"entry_hash", to_hex(samples::hash_of(0xe1))},
                           {"prev_hash", to_hex(samples::hash_of(0x0f))},
                           {"merkle_root", to_hex(samples::hash_of(0xab))},
                           {"data_hash", to_hex(samples::hash_of(0xd1))},
                           {"data_salt", "010203ff000000000000000000000000"},
                           {"duplicate", false}}}};
  EXPECT_EQ(unpack(encode_reply(RequestId{"\x07"}, samples::receipt())), expected);
}

TEST(Replies, Receipts) {
  const ReceiptsResult result{{samples::receipt(), samples::signed_receipt()}};
  EXPECT_EQ(decode_receipts(result_of(result)), AnyReceipts(result.receipts));
}

TEST(Replies, Entry) {
  EXPECT_EQ(decode_entry(result_of(samples::entry())), AnyEntry(samples::entry()));
  EXPECT_EQ(decode_entry(result_of(samples::erased_entry())), AnyEntry(samples::erased_entry()));
  const json map = unpack(encode_reply({}, samples::erased_entry())).at("result").at("entry");
  EXPECT_TRUE(map.at("seal_data").is_null());
  EXPECT_TRUE(map.at("data_salt").is_null());
  EXPECT_EQ(map.at("data_hash"), to_hex(samples::hash_of(0xd1)));
}

TEST(Replies, Page) {
  const Page page{{samples::entry(), samples::erased_entry()}, 41};
  EXPECT_EQ(decode_page(result_of(page)), AnyPage(page));
  EXPECT_EQ(decode_page(result_of(Page{})), AnyPage(Page{}));
  EXPECT_TRUE(unpack(encode_reply({}, Page{})).at("result").at("next_cursor").is_null());
}

TEST(Replies, AnUnreadablePayloadIsAnInternalErrorThatNamesTheEntry) {
  Entry broken = samples::entry();
  broken.seal_data = "{";
  const auto reply = decode_reply(encode_reply(RequestId{"\x07"}, Page{{broken}, {}}));
  ASSERT_TRUE(reply && reply->error);
  EXPECT_EQ(reply->error->code, ErrorCode::internal);
  EXPECT_NE(reply->error->message.find("42"), std::string::npos);
}

TEST(Replies, Verify) {
  const VerifyResult result{false, 5, "entry_hash_mismatch", 4, 1, 9, samples::hash_of(1), samples::hash_of(2), 12};
  const auto decoded = decode_verify(result_of(result));
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_FALSE(decoded->valid);
  EXPECT_EQ(decoded->first_invalid_sequence, 5);
  EXPECT_EQ(decoded->reason, "entry_hash_mismatch");
  EXPECT_EQ(decoded->checked, 4);
  EXPECT_EQ(decoded->from, 1);
  EXPECT_EQ(decoded->to, 9);
  EXPECT_EQ(decoded->head_hash, samples::hash_of(1));
  EXPECT_EQ(decoded->merkle_root, samples::hash_of(2));
  EXPECT_EQ(decoded->elapsed_ms, 12);
  const json valid = unpack(encode_reply({}, VerifyResult{})).at("result");
  EXPECT_TRUE(valid.at("first_invalid_sequence").is_null());
  EXPECT_TRUE(valid.at("reason").is_null());
}

TEST(Replies, ProofAndConsistency) {
  const ProofResult proof{5, 4, 9, samples::hash_of(1), samples::hash_of(2), {samples::hash_of(3)}, "note"};
  const auto decoded = decode_proof(result_of(proof));
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(decoded->sequence, 5);
  EXPECT_EQ(decoded->leaf_index, 4);
  EXPECT_EQ(decoded->tree_size, 9);
  EXPECT_EQ(decoded->entry_hash, proof.entry_hash);
  EXPECT_EQ(decoded->merkle_root, proof.merkle_root);
  EXPECT_EQ(decoded->proof, proof.proof);
  EXPECT_EQ(decoded->checkpoint, "note");
  EXPECT_FALSE(decode_proof(result_of(ProofResult{}))->checkpoint);

  const auto consistency =
      decode_consistency(result_of(ConsistencyResult{3, 9, samples::hash_of(1), samples::hash_of(2), proof.proof}));
  ASSERT_TRUE(consistency) << consistency.error().message;
  EXPECT_EQ(consistency->first, 3);
  EXPECT_EQ(consistency->second, 9);
  EXPECT_EQ(consistency->first_root, samples::hash_of(1));
  EXPECT_EQ(consistency->second_root, samples::hash_of(2));
  EXPECT_EQ(consistency->proof, proof.proof);
}

TEST(Replies, CheckpointAndHead) {
  const auto checkpoint = decode_checkpoint(result_of(CheckpointResult{"note", 9, "vkey"}));
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  EXPECT_EQ(checkpoint->checkpoint, "note");
  EXPECT_EQ(checkpoint->tree_size, 9);
  EXPECT_EQ(checkpoint->vkey, "vkey");

  const Head head{3, samples::hash_of(1), samples::hash_of(2), Timestamp{5}};
  EXPECT_EQ(decode_head(result_of(HeadResult{head})), head);
  EXPECT_EQ(unpack(encode_reply({}, HeadResult{empty_head()})).at("result"),
            json::parse(R"({"sequence":0,"timestamp":null,
                "entry_hash":"0000000000000000000000000000000000000000000000000000000000000000",
                "merkle_root":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"})"));
}

// A seal kept by the emergency mode says so, and claims nothing of a chain.
TEST(Replies, OfTheEmergencyMode) {
  const KeptSeal kept = samples::kept_seal();
  const json element = json::parse(R"({"backend":"legacy","seal_id":"018f3c1e-7b2a-7c3d-9e4f-5a6b7c8d9e0f",
      "session_id":"session-1","authority":"deploy-bot","verdict":"888_HOLD","timestamp":"2026-01-02T03:04:05.000678Z",
      "seal_data":{"a":[{},-5,18446744073709551615,0.25,"é"],"b":null}})");
  EXPECT_EQ(unpack(encode_reply({}, kept)).at("result").at("entry"), element);
  EXPECT_EQ(decode_entry(result_of(kept)), AnyEntry(kept));

  const KeptPage page{{kept, kept}, 1'767'323'045'000'678};
  EXPECT_EQ(unpack(encode_reply({}, page)).at("result"),
            (json{{"entries", {element, element}}, {"next_cursor", 1'767'323'045'000'678}}));
  EXPECT_EQ(decode_page(result_of(page)), AnyPage(page));

  const KeptReceipt receipt = samples::kept_receipt();
  const json members = json::parse(R"({"backend":"legacy","seal_id":"018f3c1e-7b2a-7c3d-9e4f-5a6b7c8d9e0f",
      "duplicate":true,"session_id":"session-1","authority":"deploy-bot","verdict":"888_HOLD",
      "timestamp":"2026-01-02T03:04:05.000678Z"})");
  EXPECT_EQ(unpack(encode_reply({}, receipt)).at("result"), members);
  EXPECT_EQ(decode_receipt(result_of(receipt)), AnyReceipt(receipt));
  EXPECT_EQ(unpack(encode_reply({}, KeptReceiptsResult{{receipt}})).at("result").at("receipts"),
            json::array({members}));
  EXPECT_EQ(decode_receipts(result_of(KeptReceiptsResult{{receipt}})), AnyReceipts(std::vector{receipt}));
}

TEST(Replies, AreAllOfTheLedgerOrAllOfTheEmergencyMode) {
  json mixed = unpack(result_of(Page{{samples::entry()}, {}}));
  mixed["entries"].push_back(unpack(result_of(samples::kept_seal())).at("entry"));
  const auto refused = decode_page(pack(mixed.dump()));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().field, "entries");
}

TEST(Replies, Status) {
  StatusResult status;
  status.version = "0.1.0";
  status.role = "writer";
  status.ready = true;
  status.uptime_s = 1;
  status.sequence = 2;
  status.queue_depth = 3;
  status.in_flight = 4;
  status.writer_epoch = 5;
  status.database_connected = true;
  status.readers = 3;
  status.readers_connected = 2;
  status.readers_detail = "gone";
  status.origin = "o";
  status.vkey = "k";
  status.ledger_id = "l";
  status.counters = {{"sealed", 6}};
  status.alerts = {"tamper"};
  status.since = Timestamp{1'000'000};
  status.now = Timestamp{3'000'000};
  status.writer = StatusResult::WriterProcess{"db1", 4711, Timestamp{2'000'000}};
  status.standing_alerts = {{"tamper", "critical", "bad", Timestamp{2'000'000}, 42, "entry_hash_mismatch"},
                            {"ingest", "warning", "odd", Timestamp{2'000'000}, 0, ""}};
  status.features = {"at_least"};
  status.severities = {{"tamper", "critical"}};
  status.queue_bytes = 7;
  status.sealed = {{"VOID", 8}};
  status.seals_refused = {{"busy", 9}};
  status.histograms["batch_seals"] = {{1, 2.5}, {3, 4, 5}, 12.5};
  status.gauges = {{"audit_position", 10.5}};
  EXPECT_EQ(
      unpack(encode_reply({}, status)).at("result"),
      json::parse(
          R"({"version":"0.1.0","backend":"postgres","role":"writer","ready":true,"uptime_s":1,"sequence":2,"queue_depth":3,
                "in_flight":4,"writer_epoch":5,"database":{"connected":true,"detail":""},
                "readers":{"connected":2,"total":3,"detail":"gone"},"origin":"o","vkey":"k",
                "ledger_id":"l","counters":{"sealed":6},"alerts":["tamper"],"features":["at_least"],
                "alert_severities":{"tamper":"critical"},"queue_bytes":7,"sealed":{"VOID":8},
                "seals_refused":{"busy":9},
                "histograms":{"batch_seals":{"bounds":[1.0,2.5],"counts":[3,4,5],"sum":12.5,"count":5}},
                "gauges":{"audit_position":10.5},
                "since":"1970-01-01T00:00:01.000000Z","now":"1970-01-01T00:00:03.000000Z",
                "writer":{"host":"db1","pid":4711,"since":"1970-01-01T00:00:02.000000Z"},
                "alert_details":[
                  {"kind":"tamper","severity":"critical","since":"1970-01-01T00:00:02.000000Z","sequence":42,
                   "reason":"entry_hash_mismatch","message":"bad"},
                  {"kind":"ingest","severity":"warning","since":"1970-01-01T00:00:02.000000Z","message":"odd"}]})"));
  EXPECT_TRUE(unpack(encode_reply({}, StatusResult{})).at("result").at("writer").is_null());
}

TEST(Replies, StatusForStrangers) {
  EXPECT_EQ(unpack(encode_reply({}, PublicStatusResult{"standby", false, 7})).at("result"),
            json::parse(R"({"role":"standby","ready":false,"sequence":7})"));
}

TEST(Replies, TilesAndBundlesAreBytes) {
  const std::string bytes("\0\xff", 2);
  EXPECT_EQ(unpack(encode_reply({}, TileResult{bytes})).at("result").at("hashes"), json::binary({0, 255}));
  EXPECT_EQ(unpack(encode_reply({}, EntryBundleResult{bytes})).at("result").at("bundle"), json::binary({0, 255}));
}

TEST(Replies, Errors) {
  EXPECT_EQ(unpack(encode_error_reply(RequestId{"\x07"}, {ErrorCode::busy, "full", ""})),
            json::parse(R"({"v":1,"id":7,"ok":false,"error":{"code":"busy","message":"full","retryable":true}})"));
  const Error error{ErrorCode::invalid_argument, "no", "seal.verdict"};
  const auto reply = decode_reply(encode_error_reply(RequestId{"\x07"}, error));
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->error, error);
}

TEST(Replies, ErrorsAreCutToBoundedUtf8) {
  const json error =
      unpack(encode_error_reply({}, {ErrorCode::internal, "\xff", std::string(100'000, 'x')})).at("error");
  EXPECT_EQ(error.at("message"), "?");
  EXPECT_EQ(error.at("field").get<std::string>().size(), 1024U);
}

TEST(Replies, Progress) {
  const std::string message = encode_progress(RequestId{"\x07"}, 10, 20);
  EXPECT_EQ(unpack(message), json::parse(R"({"v":1,"id":7,"progress":{"checked":10,"total":20}})"));
  const auto reply = decode_reply(message);
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_TRUE(reply->progress);
  EXPECT_EQ(reply->id, 7U);
  EXPECT_EQ(reply->checked, 10);
  EXPECT_EQ(reply->total, 20);
}

TEST(Replies, OtherBytesAreInternalErrors) {
  using namespace std::string_literals;
  for (const std::string& message :
       {""s, "\xc1"s, "\x01"s, "\x80"s, "\x81\xa2ok\xc3"s, "\xdd\xff\xff\xff\xff"s,
        "\xdf\xff\xff\xff\xff\xa1"
        "a"s,
        std::string(100'000, '\x91'), pack(R"({"v":1,"id":"x","ok":true,"result":{}})"),
        pack(R"({"v":1,"id":1,"ok":true,"result":5})"), pack(R"({"v":1,"id":1,"ok":false})"),
        pack(R"({"v":1,"id":1,"ok":true,"result":{}})") + "x"}) {
    const auto reply = decode_reply(message);
    ASSERT_FALSE(reply) << unpack(message);
    EXPECT_EQ(reply.error().code, ErrorCode::internal);
  }
}

TEST(Replies, AMissingOrMistypedMemberIsNamed) {
  const json good = unpack(result_of(samples::signed_receipt()));
  for (const auto& [name, value] : good.items()) {
    if (name == "data_salt" || name == "checkpoint") continue;  // may be nil
    for (const bool missing : {true, false}) {
      json bad = good;
      if (missing) {
        bad.erase(name);
      } else {
        bad[name] = json::object();
      }
      const auto receipt = decode_receipt(pack(bad.dump()));
      ASSERT_FALSE(receipt) << name;
      EXPECT_EQ(receipt.error().field, name);
    }
  }
}

TEST(AppendMsgpack, KeepsEveryKindOfValue) {
  const std::string_view text = R"({"a":[null,true,false,-1,18446744073709551615,0.5,"x",1e18],"b":{"c":{}}})";
  JsonDocument document;
  ASSERT_TRUE(parse_json(text, JsonRules{}, document));
  std::string out;
  append_msgpack(document, out);
  EXPECT_EQ(unpack(out), json::parse(text));
  EXPECT_EQ(unpack(out).at("a")[3].type(), json::value_t::number_integer);
  EXPECT_EQ(unpack(out).at("a")[5].type(), json::value_t::number_float);
  EXPECT_EQ(unpack(out).at("a")[7].type(), json::value_t::number_float);
}

}  // namespace
}  // namespace vault
