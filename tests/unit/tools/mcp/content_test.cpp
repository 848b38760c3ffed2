// The results made from vaultd's answers: structured content, its text, a summary; truncated pages; errors; progress.
#include "tools/mcp/content.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "tests/unit/tools/mcp/fake_vault.hpp"
#include "tests/unit/wire/samples.hpp"
#include "tools/mcp/summaries.hpp"

namespace vault::mcp {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;
using testing::Not;

std::string arguments_for(const std::string& tool) {
  if (tool == "vault_seal") return R"({"session_id":"s","authority":"a","verdict":"SEAL","seal_data":{}})";
  return tool == "vault_read" || tool == "vault_proof" ? R"({"sequence":1})" : "{}";
}

ToolCall make_call(const std::string& tool, const std::string& meta = "{}") {
  Dispatcher dispatcher;
  dispatcher.dispatch(initialize_line);
  Outcome outcome = dispatcher.dispatch(R"({"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":")" + tool +
                                        R"(","arguments":)" + arguments_for(tool) + R"(,"_meta":)" + meta + "}}");
  EXPECT_TRUE(outcome.call) << outcome.reply;
  return *outcome.call;
}

std::string run(const std::string& tool, FakeVault vault) {
  return run_call(make_call(tool), vault, deaf);
}

Json result(const std::string& tool, FakeVault vault) {
  const Json answer = Json::parse(run(tool, std::move(vault)));
  EXPECT_EQ("x", answer["id"]);
  const Json& result = answer["result"];
  if (result["isError"] == false) {
    EXPECT_EQ(result["structuredContent"], Json::parse(result["content"][0]["text"].get<std::string>()));
    EXPECT_EQ(2U, result["content"].size());
  } else {
    EXPECT_FALSE(result.contains("structuredContent"));
  }
  return result;
}

std::string refusal(const std::string& tool, Error error) {
  const Json made = result(tool, FakeVault(std::move(error)));
  EXPECT_EQ(true, made["isError"]);
  return made["content"][0]["text"];
}

Entry entry_of(std::int64_t sequence, std::size_t payload_bytes, char filling = 'x') {
  Entry entry = samples::entry();
  entry.sequence = sequence;
  entry.seal_data = R"({"t":")" + std::string(payload_bytes, filling) + R"("})";
  return samples::sealed(entry);
}

TEST(McpContent, StructuredContentIsTheResultMap) {
  const Json read = result("vault_read", FakeVault(ReplyBody(samples::sealed(samples::entry()))));
  EXPECT_EQ(42, read["structuredContent"]["entry"]["sequence"]);
  EXPECT_EQ(18446744073709551615U, read["structuredContent"]["entry"]["seal_data"]["a"][2]);
  EXPECT_EQ(
      "Entry: sequence 42, 888_HOLD by deploy-bot in session session-1, 2026-01-02T03:04:05.000678Z, entry_hash " +
          to_hex(samples::sealed(samples::entry()).entry_hash).substr(0, 16) + ".",
      read["content"][1]["text"]);
  const Json sealed = result("vault_seal", FakeVault(ReplyBody(samples::signed_receipt())));
  EXPECT_EQ(50, sealed["structuredContent"]["tree_size"]);
  EXPECT_THAT(sealed["content"][1]["text"], HasSubstr("Already sealed before: sequence 42"));
}

// A model and its user read the summary: no name may end its line, or hide or reorder text.
TEST(McpContent, NamesInSummariesAreEscaped) {
  Entry entry = samples::entry();
  entry.authority = "bot\u202e\u2028ton";
  entry.session_id = "s\u0085\U000e0041";
  const std::string summary = summarize(entry);
  EXPECT_THAT(summary, HasSubstr(R"(by bot\u202e\u2028ton in session s\u0085\udb40\udc41,)"));
}

TEST(McpContent, AnEntryWithoutItsPayloadIsAnError) {
  const Json read = result("vault_read", FakeVault(ReplyBody(samples::sealed_without_payload(samples::entry()))));
  EXPECT_EQ(true, read["isError"]);
  EXPECT_FALSE(read.contains("structuredContent"));
  EXPECT_THAT(read["content"][0]["text"], HasSubstr("entry 42: payload is missing and nothing explains it"));
}

TEST(McpContent, AnEntryWhoseHashesDoNotFitIsAnError) {
  Entry entry = entry_of(7, 1);
  entry.verdict = Verdict::seal;
  const Json read = result("vault_read", FakeVault(ReplyBody(entry)));
  EXPECT_EQ(true, read["isError"]);
  EXPECT_THAT(read["content"][0]["text"], HasSubstr("entry 7: hash DOES NOT FIT: entry_hash"));
  EXPECT_EQ(7, Json::parse(read["content"][1]["text"].get<std::string>())["entry"]["sequence"]);

  Page page;
  for (std::int64_t i = 1; i <= 40; ++i) page.entries.push_back(entry_of(i, 1));
  page.entries = samples::sealed(page.entries);
  EXPECT_EQ(false, result("vault_list", FakeVault(ReplyBody(page)))["isError"]);
  for (Entry& one : page.entries) one.authority = "forger";
  const Json list = result("vault_list", FakeVault(ReplyBody(page)));
  EXPECT_EQ(true, list["isError"]);
  EXPECT_THAT(list["content"][0]["text"], HasSubstr("30 more do not fit"));
}

TEST(McpContent, AVerifyThatFindsTamperingIsASuccess) {
  VerifyResult found;
  found.first_invalid_sequence = 7;
  found.reason = "entry_hash_mismatch";
  const Json made = result("vault_verify", FakeVault(ReplyBody(found)));
  EXPECT_EQ(false, made["isError"]);
  EXPECT_EQ(false, made["structuredContent"]["valid"]);
  EXPECT_THAT(made["content"][1]["text"], HasSubstr("INVALID at sequence 7: entry_hash_mismatch"));
}

TEST(McpContent, TheEmergencyModeSaysSo) {
  const Json sealed = result("vault_seal", FakeVault(ReplyBody(samples::kept_receipt())));
  EXPECT_EQ("legacy", sealed["structuredContent"]["backend"]);
  EXPECT_THAT(sealed["content"][1]["text"], HasSubstr("not in the chain yet"));
  EXPECT_THAT(sealed["content"][1]["text"], Not(HasSubstr("sequence")));
  KeptPage page;
  for (int i = 0; i < 3; ++i) {
    page.seals.push_back(samples::kept_seal());
    page.seals.back().seal_data = entry_of(0, 300'000).seal_data;
  }
  EXPECT_EQ(page.seals[0].timestamp.micros,
            result("vault_list", FakeVault(ReplyBody(page)))["structuredContent"]["next_cursor"]);
}

TEST(McpContent, PagesAreCutToFit) {
  Page page;
  for (std::int64_t i = 100; i > 0; --i) page.entries.push_back(entry_of(i, 1));
  for (Entry& entry : page.entries) entry.seal_data = R"({"t":")" + std::string(20'000, '/') + R"(\"\\"})";
  page.entries = samples::sealed(page.entries);
  page.next_cursor = 1;
  const std::string line = run("vault_list", FakeVault(ReplyBody(page)));
  EXPECT_LE(line.size(), reply_bytes_max);
  EXPECT_GE(line.size(), reply_bytes_max * 9 / 10);
  const Json structured = Json::parse(line)["result"]["structuredContent"];
  const std::size_t kept = structured["entries"].size();
  EXPECT_GT(kept, 10U);
  EXPECT_LT(kept, 100U);
  EXPECT_EQ(structured["entries"].back()["sequence"], structured["next_cursor"]);
  EXPECT_EQ(101 - static_cast<std::int64_t>(kept), structured["next_cursor"]);

  page.entries.resize(10);
  page.next_cursor.reset();
  EXPECT_EQ(nullptr, result("vault_list", FakeVault(ReplyBody(page)))["structuredContent"]["next_cursor"]);
}

TEST(McpContent, SummariesFitToo) {
  Page page;
  for (std::int64_t i = 1; i <= 1000; ++i) {
    Entry entry = entry_of(i, 1);
    entry.session_id = std::string(256, '"');
    entry.authority = std::string(256, '\\');
    page.entries.push_back(entry);
  }
  page.entries = samples::sealed(page.entries);
  page.next_cursor = 1000;
  EXPECT_LE(2 * summarize(ctl::PageView(AnyPage(page))).size(), summary_bytes_max);
  EXPECT_LE(run("vault_query", FakeVault(ReplyBody(page))).size(), reply_bytes_max);
}

TEST(McpContent, AnEntryThatCannotFitIsNamed) {
  const Entry large = entry_of(9, 700'000);
  const std::string text = result("vault_read", FakeVault(ReplyBody(large)))["content"][0]["text"];
  EXPECT_THAT(text, HasSubstr("too_large: the entry 9 takes 14"));
  EXPECT_THAT(text, HasSubstr("`vaultctl read --sequence 9`"));
  Page page;
  page.entries = samples::sealed({large, entry_of(8, 10)});
  EXPECT_THAT(result("vault_list", FakeVault(ReplyBody(page)))["content"][0]["text"],
              HasSubstr("Cursor 9 goes on behind it."));
  // After one that fits, it is left to the next page.
  page.entries = samples::sealed({entry_of(10, 10), large});
  const Json cut = result("vault_list", FakeVault(ReplyBody(page)))["structuredContent"];
  EXPECT_EQ(1U, cut["entries"].size());
  EXPECT_EQ(10, cut["next_cursor"]);
}

TEST(McpContent, RefusalsSayWhatToDo) {
  EXPECT_THAT(refusal("vault_read", {ErrorCode::unavailable, "vaultd does not answer at ipc:///x (why)", "endpoint"}),
              HasSubstr("unavailable: vaultd does not answer at ipc:///x (why). Nothing was sealed or read. Start"));
  EXPECT_EQ("unavailable: this vaultd is a standby. Call again later.",
            refusal("vault_read", {ErrorCode::unavailable, "this vaultd is a standby", {}}));
  EXPECT_EQ("not_found: there is none. vault_list shows the newest entries.",
            refusal("vault_read", {ErrorCode::not_found, "there is none", "sequence"}));
  EXPECT_EQ("too_large: seal.seal_data: too large",
            refusal("vault_seal", {ErrorCode::too_large, "too large", "seal.seal_data"}));
  const ToolCall call = make_call("vault_seal");
  const std::string seal_id = format_uuid(*std::get<SealRequest>(call.operation).seals.front().seal_id);
  EXPECT_THAT(describe_refusal(call, {ErrorCode::deadline_exceeded, "no reply", {}}), HasSubstr("seal_id " + seal_id));
}

TEST(McpContent, AnswersThatAreNoneOfOurs) {
  EXPECT_THAT(refusal("vault_read", {ErrorCode::internal, "x", {}}), HasSubstr("internal: x"));
  EXPECT_EQ(true, result("vault_read", FakeVault(ReplyBody(samples::receipt())))["isError"]);
  FakeVault broken([](const Operation&, const Client::Progress&) -> Result<std::string> { throw std::bad_alloc(); });
  EXPECT_EQ(internal_error, Json::parse(run_call(make_call("vault_read"), broken, deaf))["error"]["code"]);
}

TEST(McpContent, ProgressOnlyWhereAskedForAndNeverAtOnce) {
  VerifyResult valid;
  valid.valid = true;
  FakeVault slow([&](const Operation&, const Client::Progress& progress) {
    progress(1, 100);
    std::this_thread::sleep_for(std::chrono::milliseconds(1'050));
    for (const int checked : {20, 20, 10, 30}) progress(checked, 100);
    return result_map(valid);
  });
  for (const auto& [meta, expected] :
       {std::pair{R"({"progressToken":"t\u0031"})", std::vector<int>{20, 30}},
        std::pair{R"({"progressToken":0})", std::vector<int>{20, 30}}, std::pair{"{}", std::vector<int>{}}}) {
    std::vector<int> seen;
    int signs_of_life = 0;
    const CallListener listener{.notify =
                                    [&](const std::string& line) {
                                      const Json note = Json::parse(line);
                                      EXPECT_EQ("notifications/progress", note["method"]);
                                      EXPECT_FALSE(note.contains("id"));
                                      EXPECT_EQ(Json::parse(meta)["progressToken"], note["params"]["progressToken"]);
                                      EXPECT_EQ(100, note["params"]["total"]);
                                      seen.push_back(note["params"]["progress"]);
                                    },
                                .alive = [&] { ++signs_of_life; }};
    run_call(make_call("vault_verify", meta), slow, listener);
    EXPECT_EQ(expected, seen);
    EXPECT_EQ(5, signs_of_life);
  }
}

}  // namespace
}  // namespace vault::mcp
