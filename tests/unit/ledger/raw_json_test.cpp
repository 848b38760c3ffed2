#include "ledger/raw_json.hpp"

#include <gtest/gtest.h>

namespace vault {
namespace {

TEST(RawJson, TakesWhatJsonIsAndNothingElse) {
  for (const char* text : {"{}", "[]", "null", "1", "-0.5e+1", "\"\"", "[[[[]]]]", " [1 , 2]\n", "\"\\u0000\""}) {
    EXPECT_TRUE(RawJson::parse(text)) << text;
  }
  for (const char* text :
       {"",       " ",     "{",        "}",         "{\"a\"}",   "{\"a\":}", "{\"a\":1,}", "[1,]",
        "[,1]",   "[1 2]", "01",       "1.",        ".5",        "+1",       "1e",         "-",
        "nul",    "NaN",   "Infinity", "-Infinity", "'a'",       "\"",       "\"\\x\"",    "\"\\u12\"",
        "\"\t\"", "{} {}", "{a:1}",    "[1]]",      "{\"a\":1]", "[}",       "/**/1"}) {
    EXPECT_FALSE(RawJson::parse(text)) << text;
  }
  EXPECT_FALSE(RawJson::parse(std::string_view("1\0", 2)));
}

TEST(RawJson, SaysWhereTheFaultIs) {
  EXPECT_EQ(RawJson::parse("{\"a\": 1,\n \"b\" 2}").error().at, 14U);
  EXPECT_EQ(RawJson::parse("[1, x]").error().at, 4U);
  const auto cut = RawJson::parse(R"({"session_id": "truncated", "payl)");
  EXPECT_NE(cut.error().what.find("too early"), std::string::npos) << cut.error().what;
}

TEST(RawJson, FindsMembers) {
  const auto json = RawJson::parse(R"({"a":{"x":0},"\u0062":"\u00e9\ud800","a":[1, 2]})");
  ASSERT_TRUE(json);
  EXPECT_EQ(json->text(*json->member("a")), "[1, 2]");
  EXPECT_EQ(json->characters(*json->member("b")), "é\xED\xA0\x80");
  EXPECT_EQ(json->member("x"), nullptr);
}

}  // namespace
}  // namespace vault
