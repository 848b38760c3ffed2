#include "wire/event.hpp"

#include <gtest/gtest.h>

#include "tests/unit/wire/samples.hpp"

namespace vault {
namespace {

using nlohmann::json;

json receipt_members() {
  return json{{"sequence", 42},
              {"seal_id", samples::seal_id_text},
              {"session_id", "session-1"},
              {"verdict", "888_HOLD"},
              {"authority", "deploy-bot"},
              {"timestamp", "2026-01-02T03:04:05.000678Z"},
              {"entry_hash", to_hex(samples::hash_of(0xe1))},
              {"prev_hash", to_hex(samples::hash_of(0x0f))},
              {"merkle_root", to_hex(samples::hash_of(0xab))},
              {"data_hash", to_hex(samples::hash_of(0xd1))},
              {"duplicate", false}};
}

json with_header(json members, const std::string& event, std::uint64_t seq) {
  members["v"] = 1;
  members["event"] = event;
  members["seq"] = seq;
  return members;
}

TEST(Events, AnEntryHoldsTheReceiptWithoutItsSalt) {
  const Event event = make_entry_event(7, samples::entry(), false);
  EXPECT_EQ(event.topic, "entry.888_HOLD");
  EXPECT_EQ(samples::unpack(event.body), with_header(receipt_members(), "entry", 7));
}

TEST(Events, PublishedPayloadsComeWithTheirSalt) {
  json expected = with_header(receipt_members(), "entry", 8);
  expected["data_salt"] = "010203ff000000000000000000000000";
  expected["seal_data"] = json::parse(*samples::entry().seal_data);
  EXPECT_EQ(samples::unpack(make_entry_event(8, samples::entry(), true).body), expected);
}

TEST(Events, AnErasedPayloadIsNil) {
  const json event = samples::unpack(make_entry_event(8, samples::erased_entry(), true).body);
  EXPECT_TRUE(event.at("seal_data").is_null());
  EXPECT_TRUE(event.at("data_salt").is_null());
}

TEST(Events, AReceiptHasNoSalt) {
  json expected = with_header(receipt_members(), "receipt", 9);
  expected["duplicate"] = true;
  const Event event = make_receipt_event(9, samples::entry(), true);
  EXPECT_EQ(event.topic, "receipt." + samples::seal_id_text);
  EXPECT_EQ(samples::unpack(event.body), expected);
}

TEST(Events, AReceiptOfTheEmergencyMode) {
  const Event event = make_receipt_event(9, samples::kept_receipt());
  EXPECT_EQ(event.topic, "receipt." + samples::seal_id_text);
  const json expected = {{"v", 1},
                         {"event", "receipt"},
                         {"seq", 9},
                         {"backend", "legacy"},
                         {"seal_id", samples::seal_id_text},
                         {"session_id", "session-1"},
                         {"verdict", "888_HOLD"},
                         {"authority", "deploy-bot"},
                         {"timestamp", "2026-01-02T03:04:05.000678Z"},
                         {"duplicate", true}};
  EXPECT_EQ(samples::unpack(event.body), expected);
}

TEST(Events, ARefusedSealIsAReceiptWithAnError) {
  const Event event = make_receipt_error_event(10, samples::entry().seal_id, {ErrorCode::busy, "full", ""});
  EXPECT_EQ(event.topic, "receipt." + samples::seal_id_text);
  EXPECT_EQ(samples::unpack(event.body),
            with_header({{"error", {{"code", "busy"}, {"message", "full"}, {"retryable", true}}}}, "receipt", 10));
}

TEST(Events, ACheckpoint) {
  const Event event =
      make_checkpoint_event(11, {"text", 50, samples::hash_of(3), 40, {samples::hash_of(4), samples::hash_of(5)}});
  EXPECT_EQ(event.topic, "checkpoint");
  EXPECT_EQ(samples::unpack(event.body),
            with_header({{"checkpoint", "text"},
                         {"tree_size", 50},
                         {"merkle_root", to_hex(samples::hash_of(3))},
                         {"previous_size", 40},
                         {"consistency", {to_hex(samples::hash_of(4)), to_hex(samples::hash_of(5))}}},
                        "checkpoint", 11));
}

TEST(Events, AnAlertIsRaisedAndCleared) {
  Alert alert{"tamper", Severity::critical, "sequence 5 was changed", true, 5, "entry_hash_mismatch"};
  EXPECT_EQ(make_alert_event(1, alert).topic, "alert.tamper");
  EXPECT_EQ(samples::unpack(make_alert_event(1, alert).body), with_header({{"severity", "critical"},
                                                                           {"message", "sequence 5 was changed"},
                                                                           {"raised", true},
                                                                           {"sequence", 5},
                                                                           {"reason", "entry_hash_mismatch"}},
                                                                          "alert", 1));
  alert = {"database", Severity::warning, "connected again", false, 0, ""};
  EXPECT_EQ(samples::unpack(make_alert_event(2, alert).body),
            with_header({{"severity", "warning"}, {"message", "connected again"}, {"raised", false}}, "alert", 2));
}

TEST(Events, AHeartbeat) {
  EXPECT_EQ(samples::unpack(make_heartbeat_event(3, {42, samples::hash_of(6), 2, 40, true}).body),
            with_header({{"sequence", 42},
                         {"merkle_root", to_hex(samples::hash_of(6))},
                         {"queue_depth", 2},
                         {"sealed_total", 40},
                         {"ready", true}},
                        "heartbeat", 3));
}

}  // namespace
}  // namespace vault
