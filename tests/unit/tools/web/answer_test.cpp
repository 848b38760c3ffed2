// Output: heads, errors, gzip, entries, metrics; and request bodies to be sealed.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tools/web/entry_json.hpp"
#include "tools/web/gzip.hpp"
#include "tools/web/metrics.hpp"
#include "tools/web/response.hpp"
#include "tools/web/seal_body.hpp"
#include "tools/web/tile_cache.hpp"

namespace vault::web {
namespace {

using nlohmann::json;

TEST(WebAnswers, Head) {
  const std::string head = response_head(text_response(200, "abc"), {.keep_alive = false, .any_origin = true});
  EXPECT_TRUE(head.starts_with("HTTP/1.1 200 OK\r\nDate: ")) << head;
  for (const char* line :
       {"Content-Length: 3", "Connection: close", "Access-Control-Allow-Origin: *", "X-Content-Type-Options: nosniff",
        "Referrer-Policy: no-referrer", "Cross-Origin-Opener-Policy: same-origin",
        "Content-Security-Policy: default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"}) {
    EXPECT_NE(head.find(std::string("\r\n") + line + "\r\n"), std::string::npos) << line;
  }
  EXPECT_TRUE(head.ends_with("\r\n\r\n"));
}

TEST(WebAnswers, Errors) {
  const Response response = error_response({ErrorCode::seal_id_conflict, "other \"content\"", "seal.seal_id"});
  EXPECT_EQ(response.status, 409U);
  EXPECT_EQ(json::parse(*response.body), json::parse(R"({"code":"seal_id_conflict","message":"other \"content\"",
    "field":"seal.seal_id","retryable":false})"));
  EXPECT_EQ(status_of(ErrorCode::busy), 429U);
  EXPECT_NE(error_response({ErrorCode::busy, "", {}}).headers.find("Retry-After"), std::string::npos);
  EXPECT_NE(refusal(401, "unauthenticated", "").headers.find("WWW-Authenticate: Bearer"), std::string::npos);
}

TEST(WebAnswers, GzipWhereAskedFor) {
  for (const char* wants : {"gzip", "deflate, gzip", "gzip;q=0.5", "br, gzip;q=1.0, *;q=0"})
    EXPECT_TRUE(accepts_gzip(wants)) << wants;
  for (const char* not_so : {"", "br", "gzip;q=0", "gzip;q=0.0", "gzipped"})
    EXPECT_FALSE(accepts_gzip(not_so)) << not_so;
  const std::string packed = gzip(std::string(100'000, 'x'));
  EXPECT_LT(packed.size(), 1'000U);
  EXPECT_TRUE(packed.starts_with("\x1f\x8b"));
}

TEST(WebAnswers, AnEntryAndItsCanonicalText) {
  Entry entry;
  entry.sequence = 9;
  entry.session_id = "s\"\x7f</script>";
  entry.seal_data = R"({"n":18446744073709551615,"t":"é\n"})";
  const std::string text = entry_json(entry);
  EXPECT_NE(text.find(R"("seal_data":{"n":18446744073709551615,)"), std::string::npos);
  const json parsed = json::parse(text);
  EXPECT_EQ(parsed["seal_data_canonical"], *entry.seal_data);
  EXPECT_EQ(parsed["session_id"], entry.session_id);
  EXPECT_TRUE(parsed["data_salt"].is_null());
  entry.seal_data.reset();
  EXPECT_TRUE(json::parse(entry_json(entry))["seal_data_canonical"].is_null());
  EXPECT_EQ(json::parse(entry_event_json(entry))["topic"], "entry.SEAL");
}

TEST(WebAnswers, MetricsWithAndWithoutVaultd) {
  const std::string down = metrics_text("", {});
  EXPECT_NE(down.find("vault_up 0\n"), std::string::npos);
  EXPECT_EQ(down.find("vault_ready"), std::string::npos);
  EXPECT_NE(down.find("process_resident_memory_bytes "), std::string::npos);
  const std::string up = metrics_text(
      R"({"version":"1","role":"writer","ready":true,"sequence":7,"alerts":["clock"],"alert_severities":{"clock":"critical"},
        "counters":{"duplicates":3,"in_doubt":1,"checkpoint_size":6},"sealed":{"VOID":5},"seals_refused":{"busy":2},
        "histograms":{"commit_seconds":{"bounds":[0.5,1.0],"counts":[1,2,4],"sum":3.5,"count":4}},
        "database":{"connected":true},"gauges":{"audit_position":4.0,"process_open_fds":9.0}})",
      {});
  for (const char* line :
       {"vault_up 1\n", "vault_ready 1\n", "vault_writer 1\n", "vault_ledger_entries 7\n",
        "vault_build_info{version=\"1\"} 1\n", "vault_sealed_total{verdict=\"VOID\"} 5\n",
        "vault_seals_refused_total{code=\"busy\"} 2\n", "vault_duplicates_total 3\n",
        "vault_commit_seconds_bucket{le=\"+Inf\"} 4\n", "vault_commit_seconds_count 4\n",
        "vault_alert{kind=\"clock\",severity=\"critical\"} 1\n", "vault_audit_position 4\n",
        "vault_process_open_fds 9\n", "vault_checkpoint_tree_size 6\n", "vault_database_connected 1\n"}) {
    EXPECT_NE(up.find(line), std::string::npos) << line << up;
  }
}

TEST(WebSeals, OneAndItsKey) {
  const std::string seal = R"({"session_id":"s","authority":"a","verdict":"SEAL","seal_data":{"n":9007199254740993}})";
  const auto plain = parse_seal_body(seal, "", true);
  ASSERT_TRUE(plain) << plain.error().message;
  EXPECT_EQ(plain->seals[0].seal_data, R"({"n":9007199254740993})");
  EXPECT_FALSE(plain->seals[0].seal_id);
  EXPECT_TRUE(plain->sign);
  const auto with_uuid = parse_seal_body(seal, "018F3C1E-7b2a-7c3d-9e4f-5a6b7c8d9e0f", false);
  EXPECT_EQ(with_uuid->seals[0].seal_id, parse_uuid("018f3c1e-7b2a-7c3d-9e4f-5a6b7c8d9e0f"));
  // uuid.uuid5(uuid.UUID("0b8f6f5e-4d63-5d0e-9c39-6a1c5d2e7b41"), "order 7")
  const auto with_text = parse_seal_body(seal, "order 7", false);
  EXPECT_EQ(format_uuid(*with_text->seals[0].seal_id), "c2a2b2ce-3385-5586-b40e-e0954ed85824");
}

TEST(WebSeals, ABatch) {
  const auto batch = parse_seal_body(
      R"({"seals": [{"session_id":"s","authority":"a","verdict":"VOID","seal_data":{}},
                    {"session_id":"s","authority":"a","verdict":"SEAL","seal_data":{"x":[1,2]}}]})",
      "", false);
  ASSERT_TRUE(batch) << batch.error().message;
  EXPECT_TRUE(batch->batch);
  EXPECT_EQ(batch->seals.size(), 2U);
}

TEST(WebSeals, WhatIsRefused) {
  const auto field = [](const std::string& body, const char* key = "") {
    const auto request = parse_seal_body(body, key, false);
    return request ? std::string("ok") : request.error().field + ":" + std::to_string(status_of(request.error().code));
  };
  const std::string good = R"({"session_id":"s","authority":"a","verdict":"SEAL","seal_data":{}})";
  EXPECT_EQ(field(good), "ok");
  EXPECT_EQ(field("[]"), ":400");
  EXPECT_EQ(field(""), ":400");
  EXPECT_EQ(field(R"({"session_id":"s","session_id":"t"})"), "session_id:400");
  EXPECT_EQ(field(R"({"session_id":"s","authority":"a","verdict":"SEAL","seal_data":{"a":1,"a":2}})"),
            "seal.seal_data.a:400");
  EXPECT_EQ(field(R"({"session_id":"s","authority":"a","verdict":"SEAL","seal_data":{},"seal_ID":"x"})"),
            "seal_ID:400");
  EXPECT_EQ(field(R"({"seals":[]})"), "seals:400");
  EXPECT_EQ(field(R"({"seals":[)" + good + R"(],"sign":true})"), "sign:400");
  EXPECT_EQ(field(R"({"seals":[)" + good + R"(,{"session_id":"s"}]})").substr(0, 9), "seals[1].");
  EXPECT_EQ(field(R"({"seals":[)" + good + "]}", "k"), "Idempotency-Key:400");
  EXPECT_EQ(field(good, std::string(257, 'k').c_str()), "Idempotency-Key:400");
  const std::string with_id = good.substr(0, good.size() - 1) + R"(,"seal_id":"018f3c1e-7b2a-7c3d-9e4f-5a6b7c8d9e0f"})";
  EXPECT_EQ(field(with_id, "018f3c1e-7b2a-7c3d-9e4f-5a6b7c8d9e0f"), "ok");
  EXPECT_EQ(field(with_id, "another"), "Idempotency-Key:400");
  std::string deep = good;
  deep.replace(deep.find("{}"), 2, std::string(100'000, '['));
  EXPECT_NE(field(deep), "ok");
}

TEST(WebTiles, TheCacheKeepsTheLatestUsed) {
  TileCache cache(100'000);
  const Response tile = text_response(200, std::string(8'192, 'x'));
  for (int i = 0; i < 20; ++i) {
    cache.put("tile/" + std::to_string(i), tile);
    EXPECT_TRUE(cache.find("tile/0")) << i;
  }
  EXPECT_LE(cache.bytes(), 100'000U);
  EXPECT_FALSE(cache.find("tile/1"));
  EXPECT_TRUE(cache.find("tile/19"));
  cache.put("large", text_response(200, std::string(50'000, 'x')));
  EXPECT_FALSE(cache.find("large"));
}

}  // namespace
}  // namespace vault::web
