// The answer to each line, before any vaultd is asked.
#include "tools/mcp/dispatch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/tools/mcp/fake_vault.hpp"

namespace vault::mcp {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;

const std::string modern_meta =
    R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}})";

std::string request(const std::string& id, const std::string& method, const std::string& params = "") {
  return R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":")" + method + "\"" +
         (params.empty() ? "" : R"(,"params":)" + params) + "}";
}

std::string call(const std::string& tool, const std::string& arguments, const std::string& more = "") {
  return request("1", "tools/call", R"({"name":")" + tool + R"(","arguments":)" + arguments + more + "}");
}

class McpDispatch : public testing::Test {
 protected:
  void SetUp() override { dispatcher_.dispatch(initialize_line); }

  std::string text(const std::string& line) { return dispatcher_.dispatch(line).reply; }
  Json reply(const std::string& line) { return Json::parse(text(line)); }
  // The code of the error; 0 if the reply is a result. An id must be there exactly if `with_id`.
  int error(const std::string& line, bool with_id) {
    const Json answer = reply(line);
    EXPECT_EQ(answer.contains("id"), with_id) << line << "\n" << answer;
    return answer.contains("error") ? answer["error"]["code"].get<int>() : 0;
  }
  // The text of a result with isError.
  std::string refusal(const std::string& line) {
    const Json answer = reply(line);
    EXPECT_EQ(answer["result"]["isError"], true) << answer;
    EXPECT_FALSE(answer["result"].contains("structuredContent"));
    return answer["result"]["content"][0]["text"];
  }
  template <class T>
  T operation(const std::string& line) {
    const Outcome outcome = dispatcher_.dispatch(line);
    EXPECT_TRUE(outcome.call) << outcome.reply;
    return outcome.call ? std::get<T>(outcome.call->operation) : T{};
  }

  Dispatcher dispatcher_;
};

TEST_F(McpDispatch, WhatIsNoMessage) {
  EXPECT_EQ(parse_error, error("{", false));
  EXPECT_EQ(parse_error, error("nonsense", false));
  EXPECT_EQ(parse_error, error("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"p\xff\"}", false));
  EXPECT_EQ(parse_error, error(request("1", "ping") + request("2", "ping"), false));
  EXPECT_EQ(invalid_request, error("[]", false));
  EXPECT_EQ(invalid_request, error("[" + request("1", "ping") + "]", false));
  EXPECT_EQ(invalid_request, error("7", false));
  EXPECT_EQ(invalid_request, error("{}", false));
  for (const char* id : {"null", "1.5", "1e3", "true", "[]", "{}"}) {
    EXPECT_EQ(invalid_request, error(request(id, "ping"), false)) << id;
  }
  EXPECT_EQ(invalid_request, error(request("\"" + std::string(2000, 'x') + "\"", "ping"), false));
  EXPECT_EQ(invalid_request, error(R"({"id":1,"method":"ping"})", true));
  EXPECT_EQ(invalid_request, error(R"({"jsonrpc":2.0,"id":1,"method":"ping"})", true));
  EXPECT_EQ(invalid_request, error(R"({"jsonrpc":"2.0","id":1,"method":7})", true));
  EXPECT_EQ(invalid_request, error(R"({"jsonrpc":"2.0","id":1})", true));
  EXPECT_EQ(invalid_request, error(R"({"jsonrpc":"2.0","id":1,"id":2,"method":"ping"})", false));
  EXPECT_EQ(invalid_request, error(R"({"jsonrpc":"2.0","id":1,"method":"ping","method":"initialize"})", true));
  EXPECT_EQ(invalid_params, error(request("1", "ping", "[]"), true));
  EXPECT_EQ(invalid_params, error(request("1", "ping", "null"), true));
  EXPECT_EQ(invalid_params, error(request("1", "tools/list", R"({"_meta":7})"), true));
}

TEST_F(McpDispatch, WhatIsNotAnswered) {
  for (const char* line :
       {"", "  \r", R"({"jsonrpc":"2.0","method":"notifications/initialized"})", R"({"jsonrpc":"2.0","method":"ping"})",
        R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":9}})",
        R"({"jsonrpc":"2.0","method":"unknown","params":7})", R"({"jsonrpc":"2.0","id":1,"result":{}})",
        R"({"jsonrpc":"2.0","id":null,"error":{"code":1,"message":""}})"}) {
    const Outcome outcome = dispatcher_.dispatch(line);
    EXPECT_EQ("", outcome.reply) << line;
    EXPECT_FALSE(outcome.call);
  }
}

TEST_F(McpDispatch, IdsComeBackAsTheyCame) {
  for (const char* id :
       {"0", "-1", "9223372036854775807", "18446744073709551616", "\"\"", "\"0\"", R"("\u00e9é\"\\")", R"("\ud800")"}) {
    EXPECT_EQ(R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"result":{}})", text(request(id, "ping"))) << id;
    const Outcome outcome = dispatcher_.dispatch(request(id, "tools/call", R"({"name":"vault_list"})"));
    ASSERT_TRUE(outcome.call);
    EXPECT_EQ(id, outcome.call->id);
  }
}

TEST_F(McpDispatch, LegacyNegotiation) {
  for (const auto& [asked, got] :
       {std::pair{"2025-11-25", "2025-11-25"}, std::pair{"2025-06-18", "2025-06-18"},
        std::pair{"2024-11-05", "2024-11-05"}, std::pair{"2025-03-26", "2025-11-25"}, std::pair{"1", "2025-11-25"}}) {
    const Json answer = reply(request("0", "initialize", R"({"protocolVersion":")" + std::string(asked) + "\"}"));
    EXPECT_EQ(got, answer["result"]["protocolVersion"]);
    EXPECT_EQ(Json({{"tools", Json::object()}}), answer["result"]["capabilities"]);
    EXPECT_EQ("vault-mcp", answer["result"]["serverInfo"]["name"]);
  }
  EXPECT_EQ(invalid_params, error(request("0", "initialize"), true));
  EXPECT_EQ(invalid_params, error(request("0", "initialize", R"({"protocolVersion":7})"), true));
}

TEST_F(McpDispatch, LegacyMethods) {
  Dispatcher fresh;
  for (const char* method : {"tools/list", "tools/call", "server/discover"}) {
    EXPECT_EQ(invalid_params, Json::parse(fresh.dispatch(request("1", method)).reply)["error"]["code"]) << method;
  }
  EXPECT_EQ(Json::object(), Json::parse(fresh.dispatch(request("1", "ping")).reply)["result"]);
  for (const char* method : {"resources/list", "prompts/list", "logging/setLevel", "completion/complete", "x", ""}) {
    EXPECT_EQ(method_not_found, error(request("1", method), true)) << method;
  }
  EXPECT_EQ(invalid_params, error(request("1", "server/discover"), true));
  EXPECT_EQ(0, error(request("1", "tools/list"), true));
  EXPECT_EQ(invalid_params, error(request("1", "tools/list", R"({"cursor":"x"})"), true));
}

TEST_F(McpDispatch, ModernMethods) {
  Dispatcher fresh;  // no initialize is needed
  const Json found = Json::parse(fresh.dispatch(request("\"d\"", "server/discover", "{" + modern_meta + "}")).reply);
  EXPECT_EQ("d", found["id"]);
  EXPECT_EQ("complete", found["result"]["resultType"]);
  EXPECT_EQ(Json({"2026-07-28"}), found["result"]["supportedVersions"]);
  EXPECT_EQ(0, found["result"]["ttlMs"]);
  EXPECT_EQ("public", found["result"]["cacheScope"]);
  EXPECT_EQ("vault-mcp", found["result"]["_meta"]["io.modelcontextprotocol/serverInfo"]["name"]);
  const Json tools = Json::parse(fresh.dispatch(request("1", "tools/list", "{" + modern_meta + "}")).reply);
  EXPECT_EQ("complete", tools["result"]["resultType"]);
  EXPECT_EQ(0, tools["result"]["ttlMs"]);
  EXPECT_EQ(6U, tools["result"]["tools"].size());
  const Outcome outcome = fresh.dispatch(request("1", "tools/call", R"({"name":"vault_list",)" + modern_meta + "}"));
  ASSERT_TRUE(outcome.call);
  EXPECT_TRUE(outcome.call->modern);
  for (const char* method : {"initialize", "ping", "resources/list", "logging/setLevel"}) {
    EXPECT_EQ(method_not_found, error(request("1", method, "{" + modern_meta + "}"), true)) << method;
  }
  // It left no state behind.
  EXPECT_EQ(invalid_params, Json::parse(fresh.dispatch(request("1", "tools/list")).reply)["error"]["code"]);
}

TEST_F(McpDispatch, ModernVersions) {
  const auto ask = [](const std::string& version, const std::string& capabilities) {
    return request("7", "tools/list",
                   R"({"_meta":{"io.modelcontextprotocol/protocolVersion":)" + version + capabilities + "}}");
  };
  const std::string capable = R"(,"io.modelcontextprotocol/clientCapabilities":{})";
  const Json answer = reply(ask("\"1900-01-01\"", capable));
  EXPECT_EQ(unsupported_protocol_version, answer["error"]["code"]);
  EXPECT_EQ(Json({{"supported", {"2026-07-28"}}, {"requested", "1900-01-01"}}), answer["error"]["data"]);
  EXPECT_EQ(7, answer["id"]);
  EXPECT_EQ(invalid_params, error(ask("\"2026-07-28\"", ""), true));
  EXPECT_EQ(invalid_params, error(ask("\"2026-07-28\"", R"(,"io.modelcontextprotocol/clientCapabilities":[])"), true));
  EXPECT_EQ(invalid_params, error(ask("7", capable), true));
  EXPECT_EQ(unsupported_protocol_version, error(ask("\"2025-11-25\"", capable), true));
}

TEST_F(McpDispatch, ToolsHaveSchemasAndHonestAnnotations) {
  const Json tools = reply(request("1", "tools/list"))["result"]["tools"];
  std::vector<std::string> names;
  for (const Json& tool : tools) {
    names.push_back(tool["name"]);
    EXPECT_EQ("object", tool["inputSchema"]["type"]);
    EXPECT_EQ(false, tool["inputSchema"]["additionalProperties"]);
    EXPECT_EQ("object", tool["outputSchema"]["type"]);
    const bool writes = tool["name"] == "vault_seal";
    EXPECT_EQ(!writes, tool["annotations"]["readOnlyHint"]);
    EXPECT_EQ(false, tool["annotations"]["destructiveHint"]);
    EXPECT_EQ(!writes, tool["annotations"]["idempotentHint"]);
    EXPECT_EQ(false, tool["annotations"]["openWorldHint"]);
  }
  EXPECT_THAT(names, testing::ElementsAre("vault_seal", "vault_read", "vault_list", "vault_query", "vault_verify",
                                          "vault_proof"));
  EXPECT_EQ(text(request("1", "tools/list")), text(request("1", "tools/list")));
}

TEST_F(McpDispatch, WrongCallsAreErrorsOfTheProtocol) {
  EXPECT_EQ(invalid_params, error(call("vault_erase", "{}"), true));
  EXPECT_EQ(invalid_params, error(request("1", "tools/call"), true));
  EXPECT_EQ(invalid_params, error(request("1", "tools/call", R"({"name":7})"), true));
  for (const char* arguments : {"[]", "null", "\"{}\"", "7"}) {
    EXPECT_EQ(invalid_params, error(call("vault_list", arguments), true)) << arguments;
  }
  EXPECT_EQ(invalid_params, error(call("vault_list", "{}", R"(,"_meta":{"progressToken":1.5})"), true));
  EXPECT_EQ(invalid_params, error(call("vault_list", "{}", R"(,"name":"vault_seal")"), true));
}

TEST_F(McpDispatch, WrongArgumentsAreResultsThatSayWhatIsWrong) {
  EXPECT_EQ("seal_data: must be an object",
            refusal(call("vault_seal", R"({"session_id":"s","authority":"a","verdict":"SEAL","seal_data":"{}"})")));
  EXPECT_EQ("session_id: is missing",
            refusal(call("vault_seal", R"({"authority":"a","verdict":"SEAL","seal_data":{}})")));
  EXPECT_EQ("seal_data: is missing",
            refusal(call("vault_seal", R"({"session_id":"s","authority":"a","verdict":"SEAL"})")));
  EXPECT_EQ("verdict: must be SEAL, PARTIAL, SABAR, VOID, 888_HOLD or SUNSET",
            refusal(call("vault_query", R"({"verdict":"seal"})")));
  EXPECT_EQ("limit: must be a whole number from 1 to 1000", refusal(call("vault_list", R"({"limit":1001})")));
  EXPECT_EQ("sequence: must be a whole number from 1", refusal(call("vault_read", R"({"sequence":1.5})")));
  EXPECT_EQ("sequence: must be a whole number from 1", refusal(call("vault_proof", R"({"sequence":"0x1"})")));
  EXPECT_EQ("give exactly one of sequence, seal_id and session_id", refusal(call("vault_read", "{}")));
  EXPECT_EQ("cursor and limit go with session_id only", refusal(call("vault_read", R"({"sequence":1,"limit":3})")));
  EXPECT_EQ("\"sequence\" occurs twice among the arguments",
            refusal(call("vault_read", R"({"sequence":1,"sequence":2})")));
  EXPECT_THAT(refusal(call("vault_list", R"({"page":1})")), HasSubstr("there is no argument \"page\""));
  EXPECT_EQ("from: is greater than to", refusal(call("vault_verify", R"({"from":3,"to":2})")));
  for (const char* wrong : {"someday", "2026-02-30", "2026-02-02T", "2026-02-02T25:00:00Z", "1768700000", ""}) {
    const std::string arguments = std::string(R"({"from":")") + wrong + "\"}";
    EXPECT_THAT(refusal(call("vault_query", arguments)), HasSubstr("must be a time: 2026-11-28")) << wrong;
  }
  EXPECT_THAT(refusal(call("vault_query", R"({"session_id":"\ud800"})")), HasSubstr("not valid UTF-8"));
}

TEST_F(McpDispatch, ArgumentsBecomeOperations) {
  EXPECT_EQ(9007199254740993,
            *operation<ReadRequest>(call("vault_read", R"({"sequence":"9007199254740993"})")).sequence);
  EXPECT_EQ(9007199254740993, *operation<ReadRequest>(call("vault_read", R"({"sequence":9007199254740993})")).sequence);
  EXPECT_EQ(3, *operation<ReadRequest>(call("vault_read", R"({"sequence":3.0,"seal_id":null})")).sequence);
  const auto session =
      operation<ReadRequest>(call("vault_read", R"({"session_id":"s","cursor":4,"limit":"5"})")).session;
  ASSERT_TRUE(session);
  EXPECT_EQ(Order::ascending, session->order);
  EXPECT_EQ(4, session->cursor);
  EXPECT_EQ(5U, session->limit);
  const auto page =
      operation<ListRequest>(call("vault_query", R"({"verdict":"VOID","to":"2026-02-02T00:00:00.000000Z",)"
                                                 R"("authority":"a","order":"asc"})"))
          .page;
  EXPECT_EQ(Verdict::void_, page.verdict);
  EXPECT_EQ(Order::ascending, page.order);
  EXPECT_EQ("a", page.authority);
  EXPECT_TRUE(page.to && !page.from);
  EXPECT_TRUE(operation<VerifyRangeRequest>(call("vault_verify", R"({"from":2})")).progress);
  EXPECT_EQ(9, operation<ProofRequest>(call("vault_proof", R"({"sequence":1,"tree_size":9})")).tree_size);
}

TEST_F(McpDispatch, TimesMayBeSpeltAsModelsSpellThem) {
  const auto from = [&](const std::string& text) {
    const auto page = operation<ListRequest>(call("vault_query", R"({"from":")" + text + "\"}")).page;
    return page.from ? format_timestamp(*page.from) : "none";
  };
  EXPECT_EQ("2026-11-28T00:00:00.000000Z", from("2026-11-28"));
  EXPECT_EQ("2026-11-28T14:30:00.000000Z", from("2026-11-28T14:30:00.000000Z"));
  EXPECT_EQ("2026-11-28T14:30:00.000000Z", from("2026-11-28T14:30:00Z"));
  EXPECT_EQ("2026-11-28T14:30:00.000000Z", from("2026-11-28T14:30"));
  EXPECT_EQ("2026-11-28T14:30:00.000000Z", from("2026-11-28 14:30:00"));
  EXPECT_EQ("2026-11-28T14:30:00.500000Z", from("2026-11-28T15:30:00.5+01:00"));
}

TEST_F(McpDispatch, VerdictsAreExplained) {
  const Json tools = reply(request("1", "tools/list"))["result"]["tools"];
  for (const std::size_t with_verdict : {std::size_t{0}, std::size_t{3}}) {
    const std::string told = tools[with_verdict]["inputSchema"]["properties"]["verdict"]["description"];
    for (const char* name : {"SEAL: ", "PARTIAL: ", "SABAR: ", "VOID: ", "888_HOLD: ", "SUNSET: "}) {
      EXPECT_THAT(told, HasSubstr(name));
    }
  }
}

TEST_F(McpDispatch, PayloadsAreSealedAsTheyWereWritten) {
  const auto seal = [&](const std::string& data) {
    return call("vault_seal", R"({"session_id":"s","authority":"a","verdict":"SEAL","seal_data":)" + data + "}");
  };
  const auto sealed = [&](const std::string& data) {
    const auto request = operation<SealRequest>(seal(data));
    EXPECT_TRUE(request.seals.front().seal_id);  // drawn here: what is sent again is sealed once
    return request.seals.front().seal_data;
  };
  EXPECT_EQ(R"({"a":18446744073709551615,"b":-9223372036854775808,"c":1e+30})",
            sealed(R"({"b":-9223372036854775808, "a":18446744073709551615, "c":1e30})"));
  EXPECT_EQ(R"({"a":1,"é":"\n"})", sealed(R"({"\u00e9":"\u000a","a":1.0})"));
  EXPECT_THAT(refusal(seal(R"({"a":1,"b":2,"\u0061":1})")), HasSubstr("seal_data.a: this name occurs twice"));
  EXPECT_THAT(refusal(seal(R"({"a":18446744073709551617})")), HasSubstr("seal_data.a: an integer outside 64 bits"));
  EXPECT_THAT(refusal(seal(R"({"a":["\ud800"]})")), HasSubstr("seal_data.a[0]"));
  EXPECT_THAT(refusal(seal(R"({"a":"\u0000"})")), HasSubstr("seal_data.a"));
  EXPECT_THAT(refusal(seal(R"({"a":1e999})")), HasSubstr("seal_data.a"));
  const std::string deep = std::string(64, '[') + std::string(64, ']');
  EXPECT_THAT(refusal(seal(R"({"a":)" + deep + "}")), HasSubstr("nested deeper than 64"));
  EXPECT_EQ(parse_error, error(seal(R"({"a":01})"), false));
}

}  // namespace
}  // namespace vault::mcp
