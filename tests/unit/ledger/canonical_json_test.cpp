#include "ledger/canonical_json.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "ledger/bytes.hpp"
#include "ledger/sha256.hpp"

namespace vault {
namespace {

std::string read(const std::string& name) {
  std::ifstream file(VAULT_VECTORS_DIR "/" + name, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string printed(double value) {
  std::string out;
  append_number(value, out);
  return out;
}

std::string canonical(std::string_view text) {
  return canonicalize(text, {.object_only = false}).value_or("refused");
}

// The numbers of the generator that cyberphone/json-canonicalization describes in testdata/README.md: a fixed list,
// 2,000 that follow 2^-1022, then SHA-256 chained from 32 zero bytes and read as little-endian doubles.
class NumberGenerator {
 public:
  double next();

 private:
  std::size_t index_ = 0;
  Hash block_{};
  std::size_t used_ = 4;  // of the four doubles in block_
};

constexpr std::uint64_t fixed_numbers[] = {
    0x0000000000000000, 0x8000000000000000, 0x0000000000000001, 0x8000000000000001, 0xc46696695dbd1cc3,
    0xc43211ede4974a35, 0xc3fce97ca0f21056, 0xc3c7213080c1a6ac, 0xc39280f39a348556, 0xc35d9b1f5d20d557,
    0xc327af4c4a80aaac, 0xc2f2f2a36ecd5556, 0xc2be51057e155558, 0xc28840d131aaaaac, 0xc253670dc1555557,
    0xc21f0b4935555557, 0xc1e8d5d42aaaaaac, 0xc1b3de4355555556, 0xc17fca0555555556, 0xc1496e6aaaaaaaab,
    0xc114585555555555, 0xc0e046aaaaaaaaab, 0xc0aa0aaaaaaaaaaa, 0xc074d55555555555, 0xc040aaaaaaaaaaab,
    0xc00aaaaaaaaaaaab, 0xbfd5555555555555, 0xbfa1111111111111, 0xbf6b4e81b4e81b4f, 0xbf35d867c3ece2a5,
    0xbf0179ec9cbd821e, 0xbecbf647612f3696, 0xbe965e9f80f29212, 0xbe61e54c672874db, 0xbe2ca213d840baf8,
    0xbdf6e80fe033c8c6, 0xbdc2533fe68fd3d2, 0xbd8d51ffd74c861c, 0xbd5774ccac3d3817, 0xbd22c3d6f030f9ac,
    0xbcee0624b3818f79, 0xbcb804ea293472c7, 0xbc833721ba905bd3, 0xbc4ebe9c5db3c61e, 0xbc18987d17c304e5,
    0xbbe3ad30dfcf371d, 0xbbaf7b816618582f, 0xbb792f9ab81379bf, 0xbb442615600f9499, 0xbb101e77800c76e1,
    0xbad9ca58cce0be35, 0xbaa4a1e0a3e6fe90, 0xba708180831f320d, 0xba3a68cd9e985016, 0x446696695dbd1cc3,
    0x443211ede4974a35, 0x43fce97ca0f21056, 0x43c7213080c1a6ac, 0x439280f39a348556, 0x435d9b1f5d20d557,
    0x4327af4c4a80aaac, 0x42f2f2a36ecd5556, 0x42be51057e155558, 0x428840d131aaaaac, 0x4253670dc1555557,
    0x421f0b4935555557, 0x41e8d5d42aaaaaac, 0x41b3de4355555556, 0x417fca0555555556, 0x41496e6aaaaaaaab,
    0x4114585555555555, 0x40e046aaaaaaaaab, 0x40aa0aaaaaaaaaaa, 0x4074d55555555555, 0x4040aaaaaaaaaaab,
    0x400aaaaaaaaaaaab, 0x3fd5555555555555, 0x3fa1111111111111, 0x3f6b4e81b4e81b4f, 0x3f35d867c3ece2a5,
    0x3f0179ec9cbd821e, 0x3ecbf647612f3696, 0x3e965e9f80f29212, 0x3e61e54c672874db, 0x3e2ca213d840baf8,
    0x3df6e80fe033c8c6, 0x3dc2533fe68fd3d2, 0x3d8d51ffd74c861c, 0x3d5774ccac3d3817, 0x3d22c3d6f030f9ac,
    0x3cee0624b3818f79, 0x3cb804ea293472c7, 0x3c833721ba905bd3, 0x3c4ebe9c5db3c61e, 0x3c18987d17c304e5,
    0x3be3ad30dfcf371d, 0x3baf7b816618582f, 0x3b792f9ab81379bf, 0x3b442615600f9499, 0x3b101e77800c76e1,
    0x3ad9ca58cce0be35, 0x3aa4a1e0a3e6fe90, 0x3a708180831f320d, 0x3a3a68cd9e985016, 0x4024000000000000,
    0x4014000000000000, 0x3fe0000000000000, 0x3fa999999999999a, 0x3f747ae147ae147b, 0x3f40624dd2f1a9fc,
    0x3f0a36e2eb1c432d, 0x3ed4f8b588e368f1, 0x3ea0c6f7a0b5ed8d, 0x3e6ad7f29abcaf48, 0x3e35798ee2308c3a,
    0x3ed539223589fa95, 0x3ed4ff26cd5a7781, 0x3ed4f95a762283ff, 0x3ed4f8c60703520c, 0x3ed4f8b72f19cd0d,
    0x3ed4f8b5b31c0c8d, 0x3ed4f8b58d1c461a, 0x3ed4f8b5894f7f0e, 0x3ed4f8b588ee37f3, 0x3ed4f8b588e47da4,
    0x3ed4f8b588e3849c, 0x3ed4f8b588e36bb5, 0x3ed4f8b588e36937, 0x3ed4f8b588e368f8, 0x3ed4f8b588e368f1,
    0x3ff0000000000000, 0xbff0000000000000, 0xbfeffffffffffffa, 0xbfeffffffffffffb, 0x3feffffffffffffa,
    0x3feffffffffffffb, 0x3feffffffffffffc, 0x3feffffffffffffe, 0xbfefffffffffffff, 0xbfefffffffffffff,
    0x3fefffffffffffff, 0x3fefffffffffffff, 0x3fd3333333333332, 0x3fd3333333333333, 0x3fd3333333333334,
    0x0010000000000000, 0x000ffffffffffffd, 0x000fffffffffffff, 0x7fefffffffffffff, 0xffefffffffffffff,
    0x4340000000000000, 0xc340000000000000, 0x4430000000000000, 0x44b52d02c7e14af5, 0x44b52d02c7e14af6,
    0x44b52d02c7e14af7, 0x444b1ae4d6e2ef4e, 0x444b1ae4d6e2ef4f, 0x444b1ae4d6e2ef50, 0x3eb0c6f7a0b5ed8c,
    0x3eb0c6f7a0b5ed8d, 0x41b3de4355555553, 0x41b3de4355555554, 0x41b3de4355555555, 0x41b3de4355555556,
    0x41b3de4355555557, 0xbecbf647612f3696, 0x43143ff3c1cb0959,
};

double NumberGenerator::next() {
  constexpr std::size_t fixed_count = std::size(fixed_numbers);
  const std::size_t index = index_++;
  if (index < fixed_count) return std::bit_cast<double>(fixed_numbers[index]);
  if (index < fixed_count + 2000) return std::bit_cast<double>(0x0010000000000000U + (index - fixed_count));
  while (true) {
    if (used_ == 4) {
      block_ = sha256(as_view(block_));
      used_ = 0;
    }
    std::uint64_t bits = 0;
    for (std::size_t i = 8; i-- > 0;) bits = bits << 8 | block_[8 * used_ + i];
    ++used_;
    const auto value = std::bit_cast<double>(bits);
    if (value != 0 && std::isfinite(value)) return value;
  }
}

TEST(CanonicalJson, NumbersHitThePublishedChecksums) {
  const auto expected = nlohmann::json::parse(read("tlog.json")).at("jcs_numbers");
  NumberGenerator numbers;
  std::string lines;
  for (int i = 1; i <= 10'000; ++i) {
    const double value = numbers.next();
    char hex[20];
    std::snprintf(hex, sizeof hex, "%llx,", static_cast<unsigned long long>(std::bit_cast<std::uint64_t>(value)));
    lines += hex + printed(value) + "\n";
    // The printed text reads back as the same number, and prints the same.
    ASSERT_EQ(canonical(printed(value)), printed(value));
    if (i == 1'000) {
      EXPECT_EQ(to_hex(sha256(lines)), expected.at("sha256_first_1000_lines").get<std::string>());
    }
  }
  EXPECT_EQ(to_hex(sha256(lines)), expected.at("sha256_first_10000_lines").get<std::string>());
}

// RFC 8785 appendix B, and the edges between the four layouts.
TEST(CanonicalJson, NumbersAsEcmaScriptPrintsThem) {
  const std::pair<double, const char*> cases[] = {
      {0.0, "0"},
      {-0.0, "0"},
      {5e-324, "5e-324"},
      {-5e-324, "-5e-324"},
      {1.7976931348623157e308, "1.7976931348623157e+308"},
      {9007199254740992.0, "9007199254740992"},
      {-9007199254740992.0, "-9007199254740992"},
      {9007199254740991.0, "9007199254740991"},
      {295147905179352830000.0, "295147905179352830000"},
      {9.999999999999997e22, "9.999999999999997e+22"},
      {1e23, "1e+23"},
      {999999999999999900000.0, "999999999999999900000"},
      {1e21, "1e+21"},
      {1e20, "100000000000000000000"},
      {9.999999999999997e-7, "9.999999999999997e-7"},
      {0.000001, "0.000001"},
      {0.00001234, "0.00001234"},
      {333333333.3333332, "333333333.3333332"},
      {1424953923781206.2, "1424953923781206.2"},
      {-1.5e-10, "-1.5e-10"},
      {123.5, "123.5"},
      {-1e100, "-1e+100"},
      {1152921504606846976.0, "1152921504606847000"},
  };
  for (const auto& [value, text] : cases) EXPECT_EQ(printed(value), text);
}

TEST(CanonicalJson, VectorsOfTheReferenceImplementation) {
  for (const std::string name : {"arrays", "french", "structures", "values"}) {
    const std::string input = read("jcs/" + name + ".input.json");
    const std::string output = read("jcs/" + name + ".output.json");
    ASSERT_FALSE(output.empty()) << name;
    EXPECT_EQ(canonical(input), output) << name;
    EXPECT_EQ(canonical(output), output) << name;
  }
}

// RFC 8785 section 3.2.3: its own example, where U+1F600 (D83D DE00) sorts before U+FB33.
TEST(CanonicalJson, MembersAreSortedByUtf16) {
  EXPECT_EQ(canonical(R"({"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7})"),
            "{\"\\r\":2,\"1\":4,\"\u0080\":6,\"ö\":7,\"€\":1,\"😀\":5,\"\ufb33\":3}");
  EXPECT_EQ(canonical("{\"\uffff\":1,\"\U0010ffff\":2,\"\ue000\":3,\"\ud7ff\":4,\"\U00010000\":5}"),
            "{\"\ud7ff\":4,\"\U00010000\":5,\"\U0010ffff\":2,\"\ue000\":3,\"\uffff\":1}");
  EXPECT_EQ(canonical(R"({"b":1,"a":2,"ab":3,"":4,"B":5,"a\u0001":6})"),
            R"({"":4,"B":5,"a":2,"a\u0001":6,"ab":3,"b":1})");
  EXPECT_EQ(canonical(R"({"common prefix 2":1,"common prefix 10":2,"common prefix":3,"common p":4})"),
            R"({"common p":4,"common prefix":3,"common prefix 10":2,"common prefix 2":1})");
  EXPECT_EQ(canonical("{\"prefix \ufb33 x\":1,\"prefix 😀 x\":2}"), "{\"prefix 😀 x\":2,\"prefix \ufb33 x\":1}");
}

TEST(CanonicalJson, ObjectsInsideObjectsAreSortedToo) {
  EXPECT_EQ(canonical(R"( { "b" : { "d" : [ { "y" : 1 , "x" : 2 } , 3 ] , "c" : { } } , "a" : [ ] } )"),
            R"({"a":[],"b":{"c":{},"d":[{"x":2,"y":1},3]}})");
}

TEST(CanonicalJson, EveryCharacterBelowU0080) {
  std::string text;
  for (int c = 0; c < 0x80; ++c) text.push_back(static_cast<char>(c));
  std::string out;
  append_string(text, out);
  EXPECT_EQ(out, nlohmann::json(text).dump());
  // Specials at every distance from the start of a word.
  for (const char special : {'"', '\\', '\x1f', '\n', '\0', '\x7f', ' ', '!', '#', '[', ']'}) {
    for (std::size_t at = 0; at < 24; ++at) {
      std::string padded(24, '\xc3');
      for (std::size_t i = 1; i < 24; i += 2) padded[i] = '\xa9';
      if (at % 2 == 1) padded.erase(0, 1).insert(0, "x");
      padded = padded.substr(0, at) + special + std::string(24 - at, 'y');
      if (!is_valid_utf8(padded)) continue;
      std::string got;
      append_string(padded, got);
      EXPECT_EQ(got, nlohmann::json(padded).dump()) << at;
    }
  }
}

TEST(CanonicalJson, AppendsToWhatIsThere) {
  JsonDocument document;
  ASSERT_TRUE(parse_json("[1]", {.object_only = false}, document));
  std::string out = "before";
  append_canonical(document, out);
  append_number(2.5, out);
  append_string("x", out);
  EXPECT_EQ(out, "before[1]2.5\"x\"");
}

TEST(WrittenOut, NumbersAreCountedAsJsonbStoresThem) {
  for (const auto& [value, bytes] : std::vector<std::pair<double, std::size_t>>{{0, 1},
                                                                                {-0.0, 1},
                                                                                {-1.5, 4},
                                                                                {0.001, 5},
                                                                                {1e-7, 9},
                                                                                {1.25e-7, 11},
                                                                                {1e20, 21},
                                                                                {1.5e21, 22},
                                                                                {-1e308, 310},
                                                                                {5e-324, 326}}) {
    std::string text;
    EXPECT_EQ(append_number(value, text), bytes) << text;
  }
  JsonDocument document;
  ASSERT_TRUE(parse_json(R"({"a":[-12,18446744073709551615,1e30],"b":"9e99"})", {}, document));
  std::string text;
  EXPECT_EQ(append_canonical(document, text), 3U + 20U + 31U);
}

TEST(WrittenOut, OnlyWhatProducersSendIsBounded) {
  std::string many = R"({"n":[5e-324)";
  for (int i = 0; i < 20; ++i) many += ",5e-324";
  many += "]}";
  JsonRules rules{.bytes_max = 1000};
  EXPECT_EQ(canonicalize(many, rules).error().code, ErrorCode::too_large);
  EXPECT_EQ(canonicalize(many, rules).error().field, "seal_data");
  rules.bound_numbers = false;
  EXPECT_EQ(canonicalize(many, rules), many);
  EXPECT_EQ(canonicalize(many, {.source = JsonSource::stored, .bytes_max = 1000}), many);
}

}  // namespace
}  // namespace vault
