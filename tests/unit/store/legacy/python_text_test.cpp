#include "store/legacy/python_text.hpp"

#include <gtest/gtest.h>

namespace vault {
namespace {

std::string python_text(std::string_view text, std::string_view without = "(none of it)") {
  const auto json = RawJson::parse(text);
  return json ? python_text(*json, without) : "fault: " + json.error().what;
}

TEST(LegacyPythonText, PrintsAsPythonDoes) {
  // Right: the output of Python 3.11's json.dumps(json.loads(left), sort_keys=True), with literals kept.
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

TEST(LegacyPythonText, LeavesOutATopLevelMemberOnly) {
  EXPECT_EQ(python_text(R"({"h":1,"a":{"h":2},"\u0068":3})", "h"), R"({"a": {"h": 2}})");
}

// No recursion: depth costs memory, not stack.
TEST(LegacyPythonText, AnyDepth) {
  constexpr std::size_t depth = 1'000'000;
  const std::string text = std::string(depth, '[') + std::string(depth, ']');
  EXPECT_EQ(python_text(text), text);
  EXPECT_FALSE(RawJson::parse(text.substr(1)));
}

}  // namespace
}  // namespace vault
