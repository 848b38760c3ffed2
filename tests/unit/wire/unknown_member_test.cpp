// Members that an operation or a seal does not know: refused by name, except those that begin with "x-".
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/wire/samples.hpp"
#include "wire/codec.hpp"
#include "wire/error.hpp"
#include "wire/members.hpp"

namespace vault {
namespace {

using nlohmann::ordered_json;

const std::string a_seal = R"({"session_id":"s","authority":"a","verdict":"SEAL","seal_data":{"k":1}})";

// Every operation with every member that it takes, and accepted values.
const std::vector<std::pair<std::string, std::string>> operations = {
    {"seal", R"({"seal":)" + a_seal + R"(,"sign":false})"},
    {"seal_batch", R"({"seals":[)" + a_seal + "," + a_seal + R"(],"sign":true})"},
    {"read", R"({"at_least":9,"session_id":"s","cursor":1,"limit":2})"},
    {"list", R"({"at_least":9,"cursor":1,"limit":2,"order":"asc"})"},
    {"query", R"({"at_least":9,"verdict":"VOID","session_id":"s","authority":"a","from":"2026-01-02T03:04:05.000000Z",
                  "to":"2026-01-02T03:04:05.000000Z","cursor":1,"limit":2,"order":"desc"})"},
    {"verify", R"({"at_least":9,"from":1,"to":2,"progress":true})"},
    {"proof", R"({"at_least":9,"sequence":1,"tree_size":2})"},
    {"consistency", R"({"at_least":9,"first":1,"second":2})"},
    {"checkpoint", R"({"at_least":9})"},
    {"head", R"({"at_least":9})"},
    {"status", "{}"},
};
// Every argument of any operation.
const std::vector<std::string> arguments = {"sign",      "sequence", "seal_id",   "session_id", "cursor", "limit",
                                            "order",     "verdict",  "authority", "from",       "to",     "progress",
                                            "tree_size", "first",    "second",    "seal",       "seals",  "at_least"};

ordered_json request(const std::string& op, const std::string& members) {
  ordered_json out = {{"v", 1}, {"id", 7}, {"op", op}};
  out.update(ordered_json::parse(members));
  return out;
}

// nullopt: accepted.
std::optional<Error> refusal(const ordered_json& message) {
  auto decoded = decode_request(samples::pack(message.dump()), CodecLimits{});
  if (decoded) return std::nullopt;
  EXPECT_EQ(decoded.error().id.msgpack, "\x07") << "answered under its id";
  return std::move(decoded.error().error);
}

void expect_refused(const ordered_json& message, const std::string& field) {
  const auto error = refusal(message);
  ASSERT_TRUE(error) << message;
  EXPECT_EQ(error->code, ErrorCode::invalid_argument) << message;
  EXPECT_EQ(error->field, field) << message;
}

TEST(UnknownMember, EveryOperationTakesItsOwnAndRefusesOne) {
  for (const auto& [op, members] : operations) {
    const ordered_json good = request(op, members);
    EXPECT_FALSE(refusal(good)) << op << ": " << refusal(good)->message;
    for (const auto& value : {ordered_json(1), ordered_json(nullptr), ordered_json::parse(R"({"a":[1]})")}) {
      ordered_json bad = good;
      bad["unknown"] = value;
      expect_refused(bad, "unknown");
    }
    ordered_json ignored = good;
    ignored["x-trace"] = "4bf92f3577b34da6";
    ignored["x-"] = nullptr;
    ignored["x-deep"] = ordered_json::parse(R"({"unknown":[{"verdit":1}]})");
    EXPECT_FALSE(refusal(ignored)) << op;
    ordered_json nearly = good;
    nearly["x_trace"] = 1;
    expect_refused(nearly, "x_trace");
  }
}

TEST(UnknownMember, ArgumentsOfOtherOperationsAreRefused) {
  for (const auto& [op, members] : operations) {
    const ordered_json good = request(op, members);
    for (const std::string& argument : arguments) {
      const bool own = good.contains(argument) || (op == "read" && (argument == "sequence" || argument == "seal_id"));
      if (own) continue;
      ordered_json bad = good;
      bad[argument] = nullptr;  // the name counts, not its value
      expect_refused(bad, argument);
    }
  }
}

TEST(UnknownMember, SealsToo) {
  ordered_json message = request("seal", R"({"seal":)" + a_seal + "}");
  message["seal"]["sealid"] = samples::seal_id_text;
  expect_refused(message, "seal.sealid");
  message["seal"].erase("sealid");
  message["seal"]["x-request"] = 5;
  EXPECT_FALSE(refusal(message));
  message["seal"]["metadata"] = ordered_json::parse(R"({"approved_by":"ana"})");
  expect_refused(message, "seal.metadata");

  ordered_json batch = request("seal_batch", R"({"seals":[)" + a_seal + "," + a_seal + "]}");
  batch["seals"][1]["x-request"] = ordered_json::parse("[[]]");
  EXPECT_FALSE(refusal(batch));
  batch["seals"][1]["Verdict"] = "VOID";
  expect_refused(batch, "seals[1].Verdict");
}

TEST(UnknownMember, GoesBeforeWhatIsMissing) {
  expect_refused(request("seal", R"({"seal":{"session_id":"s","authority":"a","verdit":"VOID","seal_data":{}}})"),
                 "seal.verdit");
  expect_refused(request("proof", R"({"sequnce":4})"), "sequnce");
  expect_refused(request("query", R"({"limit":0,"verdit":"VOID"})"), "verdit");
}

TEST(UnknownMember, AfterVersionOperationAndNamesTwice) {
  ordered_json message = request("head", R"({"unknown":1})");
  message["v"] = 2;
  EXPECT_EQ(refusal(message)->code, ErrorCode::unsupported_version);
  message["v"] = 1;
  message["op"] = "?";
  EXPECT_EQ(refusal(message)->code, ErrorCode::unknown_op);
}

TEST(UnknownMember, TheOperationThatWasMeantIsOffered) {
  ordered_json message = request("sael", "{}");
  EXPECT_EQ(refusal(message)->message, "unknown operation sael; did you mean seal?");
  message["op"] = "erase";
  EXPECT_EQ(refusal(message)->message,
            "unknown operation erase; there are: seal, seal_batch, read, list, query, verify, proof, consistency, "
            "tile, entry_bundle, "
            "checkpoint, head, status");
  message["op"] = 5;
  EXPECT_EQ(refusal(message)->message.substr(0, 13), "op is missing");
  message["op"] = std::string(1 << 20, 'x');
  EXPECT_LT(refusal(message)->message.size(), 500U);
}

TEST(UnknownMember, TheNameThatWasMeantIsOffered) {
  const auto offered = [](std::string_view name) {
    const std::string message = unknown_member("a seal", {}, name, seal_members()).message;
    const auto at = message.find("did you mean ");
    return at == std::string::npos ? std::string("-") : message.substr(at + 13, message.size() - at - 14);
  };
  for (const auto& [written, meant] : std::vector<std::pair<std::string, std::string>>{{"sealid", "seal_id"},
                                                                                       {"sealId", "seal_id"},
                                                                                       {"seal-id", "seal_id"},
                                                                                       {"verdit", "verdict"},
                                                                                       {"verdcit", "verdict"},
                                                                                       {"Verdict", "verdict"},
                                                                                       {"session", "session_id"},
                                                                                       {"sesion_id", "session_id"},
                                                                                       {"autority", "authority"},
                                                                                       {"data", "seal_data"},
                                                                                       {"seal_dat", "seal_data"},
                                                                                       {"metadata", "-"},
                                                                                       {"id", "-"},
                                                                                       {"", "-"},
                                                                                       {"zzzzzz", "-"}}) {
    EXPECT_EQ(offered(written), meant) << written;
  }
  EXPECT_EQ(unknown_member("a seal", {}, "metadata", seal_members()).message,
            "a seal has no member metadata; there are: session_id, authority, verdict, seal_id, seal_data");
}

TEST(UnknownMember, LongAndStrangeNamesCostLittle) {
  for (const std::string& name : {std::string(1'000'000, 'n'), std::string(1000, '\xff'), std::string("a\nb\0c", 5)}) {
    const Error error = unknown_member("a seal", "seal", name, seal_members());
    EXPECT_LT(error.message.size() + error.field.size(), 1024U);
    EXPECT_EQ(std::count(error.message.begin(), error.message.end(), '\n'), 0);
    EXPECT_TRUE(is_valid_utf8(error.message) && is_valid_utf8(error.field));
  }
}

TEST(UnknownMember, TheClientSendsNoneThatIsRefused) {
  PageRequest page;
  page.verdict = Verdict::void_;
  page.session_id = page.authority = "s";
  page.from = page.to = Timestamp{};
  page.cursor = 1;
  ReadRequest session;
  session.session = page;
  for (const Operation& operation : std::initializer_list<Operation>{
           SealRequest{{samples::seal()}, false, true}, SealRequest{{samples::seal(), samples::seal()}, true, true},
           ReadRequest{.sequence = 1, .seal_id = {}, .session = {}},
           ReadRequest{.sequence = {}, .seal_id = samples::seal().seal_id, .session = {}}, session, ListRequest{},
           ListRequest{page}, VerifyRangeRequest{1, 2, true}, ProofRequest{1, 2}, ConsistencyRequest{1, 2},
           TileRequest{0, 1, 2}, EntryBundleRequest{1, 2}, CheckpointRequest{}, HeadRequest{}, StatusRequest{}}) {
    const auto decoded = decode_request(encode_request(1, operation), CodecLimits{});
    EXPECT_TRUE(decoded) << decoded.error().error.message;
  }
}

}  // namespace
}  // namespace vault
