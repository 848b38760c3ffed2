#include "store/legacy/record.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "ledger/raw_time.hpp"
#include "ledger/sha256.hpp"
#include "store/emergency_file.hpp"

namespace vault {
namespace {

using nlohmann::json;

LegacyItem session(std::string_view bytes, const std::string& name = "x.json") {
  return read_legacy_record({LegacyKind::session, "BBB_LEDGER/entries/" + name, 0}, bytes);
}

LegacyItem line(LegacyKind kind, std::string_view bytes, std::int64_t number = 7) {
  return read_legacy_record(
      {kind, kind == LegacyKind::ledger ? "ledger.jsonl" : "BBB_LEDGER/refusal_audit.jsonl", number}, bytes);
}

json payload(const LegacyItem& item) {
  return item.record ? json::parse(item.record->seal.seal_data) : json();
}

TEST(LegacyRecord, ASessionIsSealedAsWritten) {
  const std::string bytes =
      R"({"session_id": "sess-1", "timestamp": 1768700000, "verdict": "SABAR", "payload": {"query": "ça va?"}})";
  const auto item = session(bytes);
  ASSERT_TRUE(item.record);
  EXPECT_FALSE(item.problem);
  const Seal& seal = item.record->seal;
  EXPECT_EQ(seal.session_id, "sess-1");
  EXPECT_EQ(seal.authority, "legacy_migration");
  EXPECT_EQ(seal.verdict, Verdict::sabar);
  EXPECT_EQ(payload(item), (json{{"legacy_kind", "session"},
                                 {"legacy_source", "BBB_LEDGER/entries/x.json"},
                                 {"legacy_sha256", to_hex(sha256(bytes))},
                                 {"legacy_timestamp", 1768700000},
                                 {"legacy_data", json::parse(bytes)}}));
  EXPECT_EQ(*seal.seal_id, legacy_seal_id("BBB_LEDGER/entries/x.json", sha256(bytes)));
  EXPECT_EQ(format_timestamp(*item.record->time), "2026-01-18T01:33:20.000000Z");
}

TEST(LegacyRecord, SealIdIsThatOfTheVector) {
  // tests/vectors/entries.json, "legacy_seal_id", is checked against make_uuid_v5 in uuid_test; this is the glue.
  EXPECT_EQ(session("{}", "a.json").record->seal.seal_id, legacy_seal_id("BBB_LEDGER/entries/a.json", sha256("{}")));
  EXPECT_NE(session("{}", "a.json").record->seal.seal_id, session("{ }", "a.json").record->seal.seal_id);
  EXPECT_NE(session("{}", "a.json").record->seal.seal_id, session("{}", "b.json").record->seal.seal_id);
}

TEST(LegacyRecord, VerdictsAreMappedAndKept) {
  struct Case {
    const char* written;
    Verdict verdict;
    json kept;  // "(none)": no legacy_verdict
  };
  const json none = "(none)";
  for (const auto& [written, verdict, kept] :
       {Case{"\"SEAL\"", Verdict::seal, none}, Case{"\"888_HOLD\"", Verdict::hold, none},
        Case{"\"VOID_REFUSAL\"", Verdict::void_, "VOID_REFUSAL"}, Case{"\"HOLD_888\"", Verdict::hold, "HOLD_888"},
        Case{"\"seal\"", Verdict::seal, "seal"}, Case{"5", Verdict::seal, 5}, Case{"null", Verdict::seal, nullptr}}) {
    const auto item = session(std::string(R"({"session_id":"s","verdict":)") + written + "}");
    ASSERT_TRUE(item.record) << written;
    EXPECT_EQ(item.record->seal.verdict, verdict) << written;
    EXPECT_EQ(payload(item).value("legacy_verdict", none), kept) << written;
  }
  EXPECT_EQ(payload(session("{}")).at("legacy_verdict"), nullptr);
}

TEST(LegacyRecord, TheStemStandsInForASession) {
  for (const char* bytes : {"{}", R"({"session_id":""})", R"({"session_id":5})", R"({"session_id":"a\u0007"})",
                            R"({"session_id":"\ud800"})"}) {
    EXPECT_EQ(session(bytes, "stem.v2.json").record->seal.session_id, "stem.v2") << bytes;
  }
  EXPECT_EQ(line(LegacyKind::refusal, "{}").record->seal.session_id, "refusal_audit");
  EXPECT_EQ(line(LegacyKind::ledger, "{}").record->seal.session_id, "ledger");
  const auto item = session("{}", "a\nb.json");
  EXPECT_FALSE(item.record);
  ASSERT_TRUE(item.problem);
}

// JSON that a payload must not contain: kept byte by byte.
TEST(LegacyRecord, WhatPayloadsMustNotHoldIsKeptAsBytes) {
  const std::string deep = R"({"session_id":"s","d":)" + std::string(70, '[') + std::string(70, ']') + "}";
  for (const std::string& bytes :
       {std::string(R"({"session_id":"s","n":123456789012345678901234567890})"),
        std::string(R"({"session_id":"s","n":1e999})"), std::string(R"({"session_id":"s","q":"a\u0000b"})"),
        std::string(R"({"session_id":"s","q":"\udc00"})"), std::string(R"({"session_id":"no","session_id":"s"})"),
        deep}) {
    const auto item = session(bytes);
    ASSERT_TRUE(item.record) << bytes;
    EXPECT_FALSE(item.problem);
    EXPECT_TRUE(item.record->raw);
    EXPECT_EQ(item.record->seal.session_id, "s");
    EXPECT_EQ(from_base64(payload(item).at("legacy_raw").get<std::string>()), bytes);
    EXPECT_FALSE(payload(item).contains("legacy_data"));
  }
  // Depth 64 is the maximum for a payload, and the record is one level down in it.
  const auto nested = [](std::size_t depth) {
    return "{\"d\":" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
  };
  EXPECT_FALSE(session(nested(63)).record->raw);
  EXPECT_TRUE(session(nested(64)).record->raw);
}

TEST(LegacyRecord, ATimestampThatCannotBeKeptIsNull) {
  const auto item = session(R"({"session_id":"s","timestamp":1e999,"verdict":"a\u0000"})");
  ASSERT_TRUE(item.record);
  EXPECT_EQ(payload(item).at("legacy_timestamp"), nullptr);
  EXPECT_EQ(payload(item).at("legacy_verdict"), nullptr);
  EXPECT_EQ(payload(session(R"({"timestamp":{"a":1}})")).at("legacy_timestamp"), json({{"a", 1}}));
  EXPECT_EQ(payload(session("{}")).at("legacy_timestamp"), nullptr);
}

TEST(LegacyRecord, BrokenOnesAreRefusedWithALine) {
  struct Case {
    std::string bytes;
    std::int64_t line;
    const char* reason;
  };
  for (const auto& [bytes, number, reason] :
       {Case{"", 1, "empty"}, Case{" \n\n", 1, "empty"}, Case{"{\n\"a\": 1,\n\"b\"", 3, "too early"},
        Case{"{\n\"a\": nope\n}", 2, "not JSON"}, Case{"\xEF\xBB\xBF{}", 1, "byte order mark"},
        Case{"\n[1,2]", 2, "not a JSON object"}, Case{"\"x\"", 1, "not a JSON object"}, Case{"{} {}", 1, "not JSON"},
        Case{"{\"a\":\n\"\xFF\"}", 2, "UTF-8"}, Case{"{\"a\": NaN}", 1, "not JSON"},
        Case{std::string("{\"a\":1}\0", 8), 1, "not JSON"}}) {
    const auto item = session(bytes);
    EXPECT_FALSE(item.record) << bytes;
    ASSERT_TRUE(item.problem) << bytes;
    EXPECT_EQ(item.problem->source, "BBB_LEDGER/entries/x.json");
    EXPECT_EQ(item.problem->line, number) << bytes;
    EXPECT_NE(item.problem->reason.find(reason), std::string::npos) << item.problem->reason;
  }
  EXPECT_EQ(line(LegacyKind::refusal, "{\"a\":", 12).problem->line, 12);
  EXPECT_NE(session("{}", "\xFF.json").problem->reason.find("name"), std::string::npos);
}

TEST(LegacyRecord, EntryHashOfALedgerLine) {
  // Made by Python: sha256(json.dumps({"session_id": "cool-2", ...}, sort_keys=True)).
  const std::string good =
      R"({"session_id": "cool-2", "verdict": "VOID", "note": "\u65e5\u672c", "score": 0.6666666666666666, )"
      R"("timestamp": "2026-01-23T08:00:00.000002", )"
      R"("entry_hash": "e34db76064cc6d1cf3551dce45f622acc219eaf53fe9aabdb250aff44aa4b9ff"})";
  const auto fits = line(LegacyKind::ledger, good);
  ASSERT_TRUE(fits.record);
  EXPECT_FALSE(fits.problem);
  EXPECT_EQ(payload(fits).at("legacy_hash_valid"), true);

  std::string edited = good;
  edited.replace(edited.find("VOID"), 4, "SEAL");
  for (const std::string& bytes : {edited, std::string("{}"), std::string(R"({"entry_hash":5})")}) {
    const auto item = line(LegacyKind::ledger, bytes);
    ASSERT_TRUE(item.record) << bytes;
    ASSERT_TRUE(item.problem) << bytes;
    EXPECT_EQ(item.problem->line, 7);
    EXPECT_EQ(payload(item).at("legacy_hash_valid"), false);
  }
  EXPECT_FALSE(payload(line(LegacyKind::refusal, good)).contains("legacy_hash_valid"));
}

TEST(LegacyRecord, Markdown) {
  const auto markdown = [](const std::string& text, const std::string& name = "2026_note.md") {
    return read_legacy_record({LegacyKind::markdown, "BBB_LEDGER/entries/" + name, 0}, text);
  };
  const std::string text =
      "# Session Seal: note 1 \r\n\r\n**Timestamp:** 2026-01-22T12:35:25Z\r\n**Verdict:** HOLD_888\n";
  const auto item = markdown(text);
  ASSERT_TRUE(item.record);
  EXPECT_EQ(item.record->seal.session_id, "note 1");
  EXPECT_EQ(item.record->seal.verdict, Verdict::hold);
  EXPECT_EQ(payload(item), (json{{"legacy_kind", "markdown"},
                                 {"legacy_source", "BBB_LEDGER/entries/2026_note.md"},
                                 {"legacy_sha256", to_hex(sha256(text))},
                                 {"legacy_timestamp", "2026-01-22T12:35:25Z"},
                                 {"legacy_verdict", "HOLD_888"},
                                 {"legacy_data", text}}));
  EXPECT_EQ(markdown("just words").record->seal.session_id, "2026_note");
  EXPECT_EQ(payload(markdown("just words")).at("legacy_timestamp"), nullptr);
  EXPECT_EQ(markdown("").record->seal.session_id, "2026_note");
  EXPECT_TRUE(markdown(std::string("a\0b", 3)).record->raw);
  EXPECT_EQ(markdown("a\n\xFF").problem->line, 2);
}

TEST(LegacyRecord, WhatTheEmergencyModeWroteComesUnwrapped) {
  KeptSeal kept;
  kept.seal_id = *parse_uuid("018f3c1e-7b2a-7c3d-9e4f-5a6b7c8d9e0f");
  kept.session_id = "s-\"é\"";
  kept.authority = "deploy-bot";
  kept.verdict = Verdict::sunset;
  kept.timestamp = {1'768'700'000'123'456};
  kept.seal_data = R"({"big":18446744073709551615,"d":0.1})";
  const std::string text = format_emergency_file(kept);
  const auto item = session(text, "018f3c1e-7b2a-7c3d-9e4f-5a6b7c8d9e0f.json");
  ASSERT_TRUE(item.record) << item.problem->reason;
  EXPECT_EQ(item.record->place.kind, LegacyKind::emergency);
  EXPECT_EQ(item.record->seal, (Seal{"s-\"é\"", "deploy-bot", Verdict::sunset, *kept.seal_data, kept.seal_id}));
  EXPECT_EQ(parse_emergency_file(text), kept);

  // Damage is reported and never wrapped: under another seal_id, a producer's retry would seal it again.
  for (const auto& [part, by] :
       {std::pair{"SUNSET", "SUNSHINE"}, std::pair{"2026-01-18T", "2026-01-18 "}, std::pair{"018f3c1e-", "018f3c1e"},
        std::pair{"\"seal_data\"", "\"data\""}, std::pair{"0.1}", "1e999}"}, std::pair{"deploy-bot", ""}}) {
    std::string damaged = text;
    damaged.replace(damaged.find(part), std::string(part).size(), by);
    const auto refused = session(damaged);
    EXPECT_FALSE(refused.record) << part;
    ASSERT_TRUE(refused.problem) << part;
    EXPECT_NE(refused.problem->reason.find("emergency"), std::string::npos);
  }
  EXPECT_EQ(session(R"({"backend":"legacy"})").record->place.kind, LegacyKind::session);
}

TEST(LegacyTime, ReadsUnixSecondsAndIso8601) {
  const std::pair<const char*, const char*> cases[] = {
      {"1768700000", "2026-01-18T01:33:20.000000Z"},
      {"1768700000.25", "2026-01-18T01:33:20.250000Z"},
      {"\"2026-01-30T00:15:00.5+08:00\"", "2026-01-29T16:15:00.500000Z"},
      {"\"2026-01-30T00:15:00-0330\"", "2026-01-30T03:45:00.000000Z"},
      {"\"2026-01-21T08:00:00.000000\"", "2026-01-21T08:00:00.000000Z"},
      {"\"2026-01-21 08:00\"", "2026-01-21T08:00:00.000000Z"},
      {"\"2026-01-21T12:35:25.437914Z\"", "2026-01-21T12:35:25.437914Z"},
      {"\"2026-01-21T12:35:25.4379149999+00\"", "2026-01-21T12:35:25.437914Z"},
  };
  for (const auto& [text, expected] : cases) {
    const auto time = raw_time(text);
    ASSERT_TRUE(time) << text;
    EXPECT_EQ(format_timestamp(*time), expected) << text;
  }
  for (const char* text : {"", "null", "true", "-5", "1e300", "\"\"", "\"yesterday, at about ten\"", "{}",
                           "\"2026-02-30T00:00:00Z\"", "\"2026-01-21T08:00:00+1\"", "\"2026-01-21T08:00:0\""}) {
    EXPECT_FALSE(raw_time(text)) << text;
  }
}

}  // namespace
}  // namespace vault
