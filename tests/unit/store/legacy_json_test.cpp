#include "store/legacy_json.hpp"

#include <gtest/gtest.h>

namespace vault {
namespace {

std::string python_text(std::string_view text, std::string_view without = "(none of it)") {
  const auto json = LegacyJson::parse(text);
  return json ? json->python_text(without) : "fault: " + json.error().what;
}

TEST(LegacyJson, PrintsAsPythonDoes) {
  // Right: what Python 3.11 prints with json.dumps(json.loads(left), sort_keys=True), literals kept.
  const std::pair<std::string_view, std::string_view> cases[] = {
      {R"({})", R"({})"},
      {R"([ ])", R"([])"},
      {R"({"b":[1,2,{}],"a":{"d":null,"c":[]}})", R"({"a": {"c": [], "d": null}, "b": [1, 2, {}]})"},
      {" {\"a\"\t:\n[true , false]\r} ", R"({"a": [true, false]})"},
      {R"({"n":[1.0,1e-07,-0,0.1,1E+5,123456789012345678901234567890]})",
       R"({"n": [1.0, 1e-07, -0, 0.1, 1E+5, 123456789012345678901234567890]})"},
      {R"({"s":"na\u00efve"})", R"({"s": "na\u00efve"})"},
      {R"({"s":"naïve €"})", R"({"s": "na\u00efve \u20ac"})"},
      {R"({"s":"🔒"})", R"({"s": "\ud83d\udd12"})"},
      {R"({"s":"\uD83D\uDD12"})", R"({"s": "\ud83d\udd12"})"},
      {R"({"s":"\ud83d \udd12 \ud83d\u0041"})", R"({"s": "\ud83d \udd12 \ud83dA"})"},
      {R"({"s":"\"\\\/\b\f\n\r\t\u0000\u001F\u007f~ "})", R"({"s": "\"\\/\b\f\n\r\t\u0000\u001f\u007f~ "})"},
      // By code point: U+FF5E before U+1F512, though its first UTF-16 unit is larger.
      {R"({"🔒":1,"～":2,"é":3,"z":4,"Z":5})", R"({"Z": 5, "z": 4, "\u00e9": 3, "\uff5e": 2, "\ud83d\udd12": 1})"},
      {R"({"a":1,"b":2,"a":3})", R"({"a": 3, "b": 2})"},
      {R"({"":1})", R"({"": 1})"},
  };
  for (const auto& [text, printed] : cases) EXPECT_EQ(python_text(text), printed) << text;
}

TEST(LegacyJson, LeavesOutATopLevelMemberOnly) {
  EXPECT_EQ(python_text(R"({"h":1,"a":{"h":2},"\u0068":3})", "h"), R"({"a": {"h": 2}})");
}

TEST(LegacyJson, TakesWhatJsonIsAndNothingElse) {
  for (const char* text : {"{}", "[]", "null", "1", "-0.5e+1", "\"\"", "[[[[]]]]", " [1 , 2]\n", "\"\\u0000\""}) {
    EXPECT_TRUE(LegacyJson::parse(text)) << text;
  }
  for (const char* text :
       {"",       " ",     "{",        "}",         "{\"a\"}",   "{\"a\":}", "{\"a\":1,}", "[1,]",
        "[,1]",   "[1 2]", "01",       "1.",        ".5",        "+1",       "1e",         "-",
        "nul",    "NaN",   "Infinity", "-Infinity", "'a'",       "\"",       "\"\\x\"",    "\"\\u12\"",
        "\"\t\"", "{} {}", "{a:1}",    "[1]]",      "{\"a\":1]", "[}",       "/**/1"}) {
    EXPECT_FALSE(LegacyJson::parse(text)) << text;
  }
  EXPECT_FALSE(LegacyJson::parse(std::string_view("1\0", 2)));
}

TEST(LegacyJson, SaysWhereTheFaultIs) {
  EXPECT_EQ(LegacyJson::parse("{\"a\": 1,\n \"b\" 2}").error().at, 14U);
  EXPECT_EQ(LegacyJson::parse("[1, x]").error().at, 4U);
  const auto cut = LegacyJson::parse(R"({"session_id": "truncated", "payl)");
  EXPECT_NE(cut.error().what.find("too early"), std::string::npos) << cut.error().what;
}

TEST(LegacyJson, FindsMembers) {
  const auto json = LegacyJson::parse(R"({"a":{"x":0},"\u0062":"\u00e9\ud800","a":[1, 2]})");
  ASSERT_TRUE(json);
  EXPECT_EQ(json->text(*json->member("a")), "[1, 2]");
  EXPECT_EQ(json->characters(*json->member("b")), "é\xED\xA0\x80");
  EXPECT_EQ(json->member("x"), nullptr);
}

// No recursion: depth costs memory, not stack.
TEST(LegacyJson, AnyDepth) {
  constexpr std::size_t depth = 1'000'000;
  const std::string text = std::string(depth, '[') + std::string(depth, ']');
  EXPECT_EQ(python_text(text), text);
  EXPECT_FALSE(LegacyJson::parse(text.substr(1)));
}

}  // namespace
}  // namespace vault
