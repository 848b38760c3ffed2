#include "ledger/json.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "ledger/canonical_json.hpp"

namespace vault {
namespace {

// The field and message of the refusal, or "taken".
std::string refusal(std::string_view text, const JsonRules& rules = {}) {
  JsonDocument document;
  const Status parsed = parse_json(text, rules, document);
  if (parsed) return "taken";
  EXPECT_EQ(parsed.error().code, ErrorCode::invalid_argument) << text;
  EXPECT_EQ(parsed.error().message.substr(0, parsed.error().field.size()), parsed.error().field) << text;
  return parsed.error().message;
}

std::string field_of(std::string_view text, const JsonRules& rules = {}) {
  JsonDocument document;
  const Status parsed = parse_json(text, rules, document);
  return parsed ? "taken" : parsed.error().field;
}

std::string nested(std::size_t depth) {
  std::string text;
  for (std::size_t i = 1; i < depth; ++i) text += R"({"a":)";
  text += "{}";
  text.append(depth - 1, '}');
  return text;
}

TEST(Json, TapeHoldsTheDocumentInOrder) {
  JsonDocument document;
  ASSERT_TRUE(parse_json(R"( {"b" : [1, -2, 0.5, "x\n"], "a": {"c": null, "d": true}} )", {}, document));
  const auto& nodes = document.nodes();
  const JsonKind kinds[] = {JsonKind::object,         JsonKind::string, JsonKind::array,  JsonKind::unsigned_integer,
                            JsonKind::signed_integer, JsonKind::number, JsonKind::string, JsonKind::string,
                            JsonKind::object,         JsonKind::string, JsonKind::null,   JsonKind::string,
                            JsonKind::boolean};
  const std::uint32_t sizes[] = {2, 1, 4, 0, 0, 0, 2, 1, 2, 1, 0, 1, 0};
  const std::uint32_t nexts[] = {13, 2, 7, 4, 5, 6, 7, 8, 13, 10, 11, 12, 13};
  ASSERT_EQ(nodes.size(), std::size(kinds));
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    EXPECT_EQ(nodes[i].kind, kinds[i]) << i;
    EXPECT_EQ(nodes[i].size, sizes[i]) << i;
    EXPECT_EQ(nodes[i].next, nexts[i]) << i;
  }
  EXPECT_EQ(document.text(nodes[1]), "b");
  EXPECT_EQ(nodes[4].as.signed_integer, -2);
  EXPECT_EQ(nodes[5].as.number, 0.5);
  EXPECT_EQ(document.text(nodes[6]), "x\n");
  EXPECT_TRUE(nodes[12].as.boolean);
}

TEST(Json, ParsingReplacesWhatTheDocumentHeld) {
  JsonDocument document;
  ASSERT_TRUE(parse_json(R"({"long name":"long text"})", {}, document));
  ASSERT_TRUE(parse_json(R"({"a":1})", {}, document));
  std::string out;
  append_canonical(document, out);
  EXPECT_EQ(out, R"({"a":1})");
}

TEST(Json, TextThatIsNotJson) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "not JSON at byte 0: a value was expected"},
      {"  ", "not JSON at byte 2: a value was expected"},
      {"{", "not JSON at byte 1: a member's name in quotation marks was expected"},
      {"{a:1}", "not JSON at byte 1: a member's name in quotation marks was expected"},
      {R"({"a" 1})", "not JSON at byte 5: ':' was expected"},
      {R"({"a":})", "not JSON at byte 5: a value was expected"},
      {R"({"a":1,})", "not JSON at byte 7: a member's name in quotation marks was expected"},
      {R"({"a":1 "b":2})", "not JSON at byte 7: ',' or '}' was expected"},
      {R"({"a":[1,]})", "not JSON at byte 8: a value was expected"},
      {R"({"a":[1 2]})", "not JSON at byte 8: ',' or ']' was expected"},
      {R"({"a":[1)", "not JSON at byte 7: ',' or ']' was expected"},
      {R"({"a":"x)", "not JSON at byte 7: the string does not end"},
      {R"({"a":"\)", "not JSON at byte 7: no such escape"},
      {R"({"a":"\x"})", "not JSON at byte 7: no such escape"},
      {R"({"a":"\u12"})", "not JSON at byte 8: four hexadecimal digits were expected"},
      {R"({"a":"\u+123"})", "not JSON at byte 8: four hexadecimal digits were expected"},
      {R"({"a":"\ud83d\u"})", "not JSON at byte 14: four hexadecimal digits were expected"},
      {"{\"a\":\"\n\"}", "not JSON at byte 6: a control character in a string must be escaped"},
      {R"({"a":tru})", "not JSON at byte 5: a value was expected"},
      {R"({"a":NaN})", "not JSON at byte 5: a value was expected"},
      {R"({"a":+1})", "not JSON at byte 5: a value was expected"},
      {R"({"a":.5})", "not JSON at byte 5: a value was expected"},
      {R"({"a":-})", "not JSON at byte 6: a digit was expected"},
      {R"({"a":1.})", "not JSON at byte 7: a digit was expected"},
      {R"({"a":1e})", "not JSON at byte 7: a digit was expected"},
      {R"({"a":1e+})", "not JSON at byte 8: a digit was expected"},
      {R"({"a":01})", "not JSON at byte 6: ',' or '}' was expected"},
      {R"({"a":-01})", "not JSON at byte 7: ',' or '}' was expected"},
      {"{} x", "not JSON at byte 3: nothing may follow the value"},
      {"\xEF\xBB\xBF{}", "not JSON at byte 0: a value was expected"},
      {R"({"a":'x'})", "not JSON at byte 5: a value was expected"},
      {"{}/**/", "not JSON at byte 2: nothing may follow the value"},
  };
  for (const auto& [text, message] : cases) {
    const std::string got = refusal(text);
    EXPECT_EQ(got.substr(got.find(": ") + 2), message) << text;
  }
}

TEST(Json, NulBytesEndNothing) {
  EXPECT_NE(refusal(std::string_view("{}\0", 3)), "taken");
  EXPECT_NE(refusal(std::string_view("{\0}", 3)), "taken");
  EXPECT_NE(refusal(std::string_view("{\"a\0\":1}", 8)), "taken");
}

TEST(Json, IntegersOfSixtyFourBitsAreKept) {
  for (const char* literal : {"-9223372036854775808", "18446744073709551615", "9223372036854775808", "9007199254740993",
                              "-9007199254740993", "0", "-1"}) {
    EXPECT_EQ(canonicalize(literal, {.object_only = false}), literal);
  }
  EXPECT_EQ(canonicalize("-0", {.object_only = false}), "0");
  JsonDocument document;
  ASSERT_TRUE(parse_json("-0", {.object_only = false}, document));
  EXPECT_EQ(document.nodes()[0].kind, JsonKind::unsigned_integer);
}

TEST(Json, IntegersBeyondSixtyFourBits) {
  const JsonRules producer{.object_only = false};
  const JsonRules stored{.source = JsonSource::stored, .object_only = false};
  const std::string refused =
      "seal_data: an integer outside 64 bits would change when read as a double; send it as a string";
  // The canonical text equals the literal: accepted.
  for (const char* same : {"18446744073709552000", "-9223372036854776000", "100000000000000000000"}) {
    EXPECT_EQ(canonicalize(same, producer), same);
    EXPECT_EQ(canonicalize(same, stored), same);
  }
  const std::pair<std::string, std::string> changed[] = {
      {"18446744073709551616", "18446744073709552000"},
      {"-9223372036854775809", "-9223372036854776000"},
      {"1000000000000000000000", "1e+21"},
      {"1000000000000000000000000000000", "1e+30"},
      {"123456789012345678901234567890", "1.2345678901234568e+29"},
  };
  for (const auto& [literal, text] : changed) {
    EXPECT_EQ(refusal(literal, producer), refused) << literal;
    EXPECT_EQ(canonicalize(literal, stored), text);
  }
}

TEST(Json, DoublesUnderflowToZeroAndNeverOverflow) {
  const JsonRules any{.object_only = false};
  for (const char* zero : {"1e-400", "-1e-400", "0.0", "-0.0", "-0e0", "0e999999999999999999999",
                           "1e-99999999999999999999", "2.4703282292062327e-324"}) {
    EXPECT_EQ(canonicalize(zero, any), "0") << zero;
  }
  EXPECT_EQ(canonicalize("0." + std::string(400, '0') + "1", any), "0");
  EXPECT_EQ(canonicalize("0." + std::string(400, '0') + "1e401", any), "1");
  EXPECT_EQ(canonicalize("5e-324", any), "5e-324");
  EXPECT_EQ(canonicalize("1.7976931348623157e308", any), "1.7976931348623157e+308");
  const std::string too_large = "seal_data: a number is too large for a double";
  for (const auto source : {JsonSource::producer, JsonSource::stored}) {
    const JsonRules rules{.source = source, .object_only = false};
    EXPECT_EQ(refusal("1e309", rules), too_large);
    EXPECT_EQ(refusal("-1E+400", rules), too_large);
    EXPECT_EQ(refusal("1e99999999999999999999", rules), too_large);
    EXPECT_EQ(refusal("0.0001e400", rules), too_large);
    EXPECT_EQ(refusal("1" + std::string(400, '0'), rules), too_large);
    EXPECT_EQ(refusal("1" + std::string(400, '0') + ".5", rules), too_large);
  }
}

TEST(Json, LiteralsWithPointOrExponentAreDoubles) {
  const JsonRules any{.object_only = false};
  EXPECT_EQ(canonicalize("1.0", any), "1");
  EXPECT_EQ(canonicalize("1e0", any), "1");
  EXPECT_EQ(canonicalize("1152921504606846976.0", any), "1152921504606847000");
  EXPECT_EQ(canonicalize("1152921504606846976", any), "1152921504606846976");
  EXPECT_EQ(canonicalize("9007199254740993.0", any), "9007199254740992");
}

TEST(Json, StringsThatAreRefused) {
  EXPECT_EQ(refusal(R"({"a":"x\u0000y"})"), "seal_data.a: a string holds U+0000, which cannot be stored");
  EXPECT_EQ(refusal(R"({"\u0000":1})"), "seal_data: a member's name holds U+0000, which cannot be stored");
  const std::string lone = "seal_data.a: a string holds a lone surrogate, which has no UTF-8 form";
  for (const char* text : {R"({"a":"\ud800"})", R"({"a":"\udc00"})", R"({"a":"\ud800x"})", R"({"a":"\ud800\n"})",
                           R"({"a":"\ud800\ud800"})", R"({"a":"\udc00\ud800"})", R"({"a":"\uDBFF\u0041"})"}) {
    EXPECT_EQ(refusal(text), lone) << text;
  }
  EXPECT_EQ(refusal("{\"a\":\"\xED\xA0\x80\"}"), "seal_data.a: a string is not valid UTF-8");
  EXPECT_EQ(refusal("{\"a\":\"\xC0\x80\"}"), "seal_data.a: a string is not valid UTF-8");
  EXPECT_EQ(refusal("{\"\xff\":1}"), "seal_data: a member's name is not valid UTF-8");
}

TEST(Json, StringsThatAreTaken) {
  const JsonRules any{.object_only = false};
  EXPECT_EQ(canonicalize(R"("\u20ac\/\b\f\n\r\t\"\\\u001f\u007f")", any), "\"€/\\b\\f\\n\\r\\t\\\"\\\\\\u001f\x7f\"");
  EXPECT_EQ(canonicalize(R"("\ud83d\uDE00\uffff\uFDD0\udbff\udfff")", any), "\"😀\uFFFF\uFDD0\U0010FFFF\"");
  EXPECT_EQ(canonicalize(R"("\u0000")", {.source = JsonSource::stored, .object_only = false}), R"("\u0000")");
}

TEST(Json, NamesTwiceAreRefusedByPath) {
  EXPECT_EQ(refusal(R"({"a":1,"b":2,"a":3})"), "seal_data.a: this name occurs twice in its object");
  EXPECT_EQ(field_of(R"({"a":1,"\u0061":2})"), "seal_data.a");
  EXPECT_EQ(field_of(R"({"x":[0,{"y":{"k":1,"k":1}}]})"), "seal_data.x[1].y.k");
  EXPECT_EQ(field_of(R"({"":1,"":2})"), R"(seal_data[""])");
  EXPECT_EQ(field_of(R"({"a":{"a":1},"b":{"a":1}})"), "taken");
  std::string many = "{";
  for (int i = 0; i < 1000; ++i) many += "\"n" + std::to_string(i * 7919 % 1000) + "\":{\"n1\":[]},";
  EXPECT_EQ(field_of(many + "\"last\":0}"), "taken");
  EXPECT_EQ(field_of(many + "\"n500\":0}"), "seal_data.n500");
}

TEST(Json, DepthIsBounded) {
  EXPECT_EQ(refusal(nested(64)), "taken");
  const std::string message = refusal(nested(65));
  EXPECT_NE(message.find("nested deeper than 64 levels"), std::string::npos) << message;
  const std::string deep_arrays = R"({"a":)" + std::string(1'000'000, '[');
  EXPECT_NE(refusal(deep_arrays).find("nested deeper than 64 levels"), std::string::npos);
  EXPECT_EQ(refusal(R"({"a":)" + std::string(63, '[') + std::string(63, ']') + "}"), "taken");
}

TEST(Json, TopLevelIsAnObjectWhereAskedFor) {
  for (const char* text : {"[]", "1", "\"x\"", "null", "true", "1.5", "-1", "[{}]"}) {
    EXPECT_EQ(refusal(text), "seal_data: must be an object") << text;
    EXPECT_EQ(refusal(text, {.object_only = false}), "taken") << text;
  }
  EXPECT_EQ(refusal("[]", {.root = ""}), "must be an object");
}

TEST(Json, PathsNameTheMember) {
  EXPECT_EQ(field_of(R"({"items":[1,2,{"ok":1},{"score":1e999}]})"), "seal_data.items[3].score");
  EXPECT_EQ(field_of(R"({"items":[[],[0,1e999]]})"), "seal_data.items[1][1]");
  EXPECT_EQ(field_of(R"({"a":1e999})", {.root = "seal.seal_data"}), "seal.seal_data.a");
  EXPECT_EQ(field_of(R"({"a":[1e999]})", {.root = ""}), "a[0]");
  EXPECT_EQ(field_of("[1e999]", {.object_only = false, .root = ""}), "[0]");
  EXPECT_EQ(field_of(R"({"a":{"b":1},"c":{"d":[],"e":1e999}})"), "seal_data.c.e");
  EXPECT_EQ(field_of(R"({"a":{"b":1},"c":{"d":[],"e":x}})"), "seal_data.c.e");
}

TEST(Json, OddNamesInPathsAreQuotedAndCut) {
  EXPECT_EQ(field_of(R"({"a.b":1e999})"), R"(seal_data["a.b"])");
  EXPECT_EQ(field_of(R"({"a b\n\"":1e999})"), R"(seal_data["a b\n\""])");
  EXPECT_EQ(field_of(R"({"":{"x":1e999}})"), R"(seal_data[""].x)");
  EXPECT_EQ(field_of(R"({"naïve":1e999})"), "seal_data.naïve");
  const std::string long_name(1000, 'n');
  EXPECT_EQ(field_of("{\"" + long_name + "\":1e999}"), "seal_data." + long_name.substr(0, 64) + "…");
  // 63 bytes, then a character that the cut would split.
  EXPECT_EQ(field_of("{\"" + long_name.substr(0, 63) + "€uro\":1e999}"), "seal_data." + long_name.substr(0, 63) + "…");
  EXPECT_EQ(field_of("{\" " + long_name + "\":1e999}"), "seal_data[\" " + long_name.substr(0, 63) + "\"…]");
}

TEST(Json, SizeIsBoundedByTheCanonicalText) {
  const std::string text = R"({"a":"xyz","b":[1,2]})";
  EXPECT_EQ(canonicalize(text, {.bytes_max = text.size()}), text);
  const auto refused = canonicalize(text, {.bytes_max = text.size() - 1});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::too_large);
  EXPECT_EQ(refused.error().field, "seal_data");
  EXPECT_EQ(refused.error().message, "seal_data: the canonical text is larger than max_seal_bytes, 20 bytes");
  // Only white space and escapes of the output count, not those of the input.
  EXPECT_TRUE(canonicalize("{ \"a\" :  \"\\u0061\"   }", {.bytes_max = 9}));
  EXPECT_FALSE(canonicalize(R"({"a":"\n\n"})", {.bytes_max = 11}));
  EXPECT_FALSE(canonicalize(R"({"a":1e20})", {.bytes_max = 20}));
}

TEST(Json, WhatCannotFitIsRefusedAtOnce) {
  JsonDocument document;
  JsonBuilder builder(document, {.bytes_max = 1000});
  ASSERT_TRUE(builder.begin_object());
  ASSERT_TRUE(builder.key("a"));
  ASSERT_TRUE(builder.begin_array());
  int taken = 0;
  while (taken < 2000 && builder.unsigned_integer(1)) ++taken;
  EXPECT_EQ(taken, 496);  // {"a":[1,1,…]} with 496 ones has 999 bytes
  const std::string huge(1001, 'x');
  JsonBuilder again(document, {.object_only = false, .bytes_max = 1000});
  const Status refused = again.string(huge);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::too_large);
}

TEST(Json, BuilderTakesWhatMessagePackSends) {
  JsonDocument document;
  JsonBuilder builder(document, {});
  EXPECT_FALSE(builder.complete());
  ASSERT_TRUE(builder.begin_object());
  ASSERT_TRUE(builder.key("i"));
  ASSERT_TRUE(builder.integer(-5));
  ASSERT_TRUE(builder.key("j"));
  ASSERT_TRUE(builder.integer(5));
  ASSERT_TRUE(builder.key("n"));
  EXPECT_EQ(builder.refuse(ErrorCode::invalid_argument, "bin has no JSON form"),
            (Error{ErrorCode::invalid_argument, "seal_data.n: bin has no JSON form", "seal_data.n"}));
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    const Status refused = builder.number(bad);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().field, "seal_data.n");
  }
  ASSERT_TRUE(builder.number(-0.0));
  EXPECT_FALSE(builder.complete());
  ASSERT_TRUE(builder.end_object());
  EXPECT_TRUE(builder.complete());
  std::string out;
  append_canonical(document, out);
  EXPECT_EQ(out, R"({"i":-5,"j":5,"n":0})");
}

}  // namespace
}  // namespace vault
