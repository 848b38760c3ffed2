// Every way in which a request can be wrong, and the answer that docs/protocol.md specifies.
#include <gtest/gtest.h>

#include "tests/unit/wire/samples.hpp"
#include "wire/codec.hpp"
#include "wire/error.hpp"

namespace vault {
namespace {

using namespace std::string_literals;
using samples::pack;

struct Case {
  std::string name;
  std::string message;
  ErrorCode code;
  std::string field;
  std::string id = "\xc0";  // echoed; most cases hold none
};

std::ostream& operator<<(std::ostream& out, const Case& one) {
  return out << one.name;
}

std::string str(const std::string& text) {  // up to 31 bytes
  return static_cast<char>(0xa0 | text.size()) + text;
}

// {"v":1,"id":7,"op":"seal","seal":{..., "seal_data":{"k": value}}}
std::string with_value(const std::string& value) {
  return "\x84" + str("v") + "\x01" + str("id") + "\x07" + str("op") + str("seal") + str("seal") + "\x84" +
         str("session_id") + str("s") + str("authority") + str("a") + str("verdict") + str("SEAL") + str("seal_data") +
         "\x81" + str("k") + value;
}

// A seal with one member replaced (or, if `value` is empty, left out), as the JSON text of a request.
std::string with_member(const std::string& name, const std::string& value) {
  nlohmann::ordered_json request = nlohmann::ordered_json::parse(
      R"({"v":1,"id":7,"op":"seal","seal":{"session_id":"s","authority":"a","verdict":"SEAL","seal_data":{}}})");
  if (value.empty()) {
    request["seal"].erase(name);
  } else {
    request["seal"][name] = nlohmann::ordered_json::parse(value);
  }
  return pack(request.dump());
}

std::string nested(int depth, const std::string& open, const std::string& inner) {
  std::string out;
  for (int i = 0; i < depth; ++i) out += open;
  return out + inner;
}

std::string seals(std::size_t count) {
  std::string message = "\x83" + str("v") + "\x01" + str("op") + str("seal_batch") + str("seals") + "\xdd"s;
  append_u32(message, static_cast<std::uint32_t>(count));
  for (std::size_t i = 0; i < count; ++i) message += "\x80";
  return message;
}

std::vector<Case> framing() {
  constexpr auto bad = ErrorCode::invalid_message;
  const std::string whole = pack(R"({"v":1,"id":7,"op":"head"})");
  return {
      {"empty", "", bad, ""},
      {"never_used_byte", "\xc1", bad, ""},
      {"never_used_byte_inside", "\x81" + str("v") + "\xc1", bad, ""},
      {"nil", "\xc0", bad, ""},
      {"integer", "\x07", bad, ""},
      {"string", str("head"), bad, ""},
      {"bin", "\xc4\x01x", bad, ""},
      {"array", "\x92\x01\x02", bad, ""},
      {"empty_array", "\x90", bad, ""},
      {"array_of_4_billion", "\xdd\xff\xff\xff\xff", bad, ""},
      {"map_of_4_billion", "\xdf\xff\xff\xff\xff", bad, ""},
      {"string_of_4_billion", "\x81" + str("x") + "\xdb\xff\xff\xff\xff", bad, ""},
      {"bin_of_4_billion", "\x81" + str("x") + "\xc6\xff\xff\xff\xff", bad, ""},
      {"ext_of_4_billion", "\x81" + str("x") + "\xc9\xff\xff\xff\xff\x01", bad, ""},
      {"seals_of_4_billion", "\x81" + str("seals") + "\xdd\xff\xff\xff\xff\x80", bad, ""},
      {"payload_array_of_4_billion", with_value("\xdd\xff\xff\xff\xff\x01"), bad, "", "\x07"},
      {"payload_map_of_4_billion", with_value("\xdf\xff\xff\xff\xff"), bad, "", "\x07"},
      {"one_byte_short", whole.substr(0, whole.size() - 1), bad, "", "\x07"},
      {"one_member_short", "\x84" + whole.substr(1), bad, "", "\x07"},
      {"one_byte_more", whole + "\xc0", bad, "", "\x07"},
      {"two_messages", whole + whole, bad, "", "\x07"},
      {"integer_name", "\x83" + str("v") + "\x01" + str("op") + str("head") + "\x01\x02", bad, ""},
      {"nil_name", "\x83" + str("v") + "\x01" + str("op") + str("head") + "\xc0\x02", bad, ""},
      {"bin_name", "\x83" + str("v") + "\x01" + str("op") + str("head") + "\xc4\x01x\x02", bad, ""},
      {"map_name", "\x83" + str("v") + "\x01" + str("op") + str("head") + "\x81\xa1x\x01\x02", bad, ""},
      {"array_name", "\x83" + str("v") + "\x01" + str("op") + str("head") + "\x91\x01\x02", bad, ""},
      // Syntax comes before everything else, even if the fault is last.
      {"bad_version_then_truncated", "\x82" + str("v") + "\x02" + str("x"), bad, ""},
      {"bad_seal_then_truncated", with_value("\xc4\x01x") + "\x01", bad, "", "\x07"},
  };
}

std::vector<Case> headers() {
  return {
      {"empty_map", "\x80", ErrorCode::unsupported_version, "v"},
      {"no_version", pack(R"({"id":7,"op":"head"})"), ErrorCode::unsupported_version, "v", "\x07"},
      {"version_2", pack(R"({"v":2,"op":"head"})"), ErrorCode::unsupported_version, "v"},
      {"version_text", pack(R"({"v":"1","op":"head"})"), ErrorCode::unsupported_version, "v"},
      {"version_float", pack(R"({"v":1.5,"op":"head"})"), ErrorCode::unsupported_version, "v"},
      {"version_nil", pack(R"({"v":null,"op":"head"})"), ErrorCode::unsupported_version, "v"},
      {"version_before_op", pack(R"({"v":0,"op":"?"})"), ErrorCode::unsupported_version, "v"},
      {"no_op", pack(R"({"v":1,"id":"x"})"), ErrorCode::unknown_op, "op", "\xa1x"},
      {"op_of_nobody", pack(R"({"v":1,"op":"erase"})"), ErrorCode::unknown_op, "op"},
      {"op_upper_case", pack(R"({"v":1,"op":"HEAD"})"), ErrorCode::unknown_op, "op"},
      {"op_integer", pack(R"({"v":1,"op":1})"), ErrorCode::unknown_op, "op"},
      {"op_map", pack(R"({"v":1,"op":{}})"), ErrorCode::unknown_op, "op"},
      {"op_before_arguments", pack(R"({"v":1,"op":"?","id":[]})"), ErrorCode::unknown_op, "op"},
      {"id_map", pack(R"({"v":1,"op":"head","id":{}})"), ErrorCode::invalid_argument, "id"},
      {"id_array", pack(R"({"v":1,"op":"head","id":[1]})"), ErrorCode::invalid_argument, "id"},
      {"id_ext", "\x83" + str("v") + "\x01" + str("op") + str("head") + str("id") + "\xd4\x01\x02",
       ErrorCode::invalid_argument, "id"},
      {"id_last", pack(R"({"v":1,"op":"seal","seal":5,"id":7})"), ErrorCode::invalid_argument, "seal", "\x07"},
  };
}

std::vector<Case> duplicates() {
  constexpr auto bad = ErrorCode::invalid_argument;
  const std::string head = str("v") + "\x01" + str("op") + str("head");
  std::string many = "\x83" + head + str("x") + "\xde"s;
  append_u16(many, 301);
  for (int i = 0; i <= 300; ++i) many += str("name" + std::to_string(i % 300)) + "\xc0";
  return {
      {"v_twice", "\x83" + head + str("v") + "\x01", bad, "v"},
      {"id_twice", "\x84" + head + str("id") + "\x05" + str("id") + "\x06", bad, "id", "\x05"},
      {"unknown_twice", "\x84" + head + str("x") + "\x05" + str("x") + "\x06", bad, "x"},
      {"empty_name_twice", "\x84" + head + str("") + "\x05" + str("") + "\x06", bad, "[\"\"]"},
      {"inside_unknown", "\x83" + head + str("x") + "\x81" + str("y") + "\x82" + str("z") + "\x01" + str("z") + "\x01",
       bad, "x.y.z"},
      {"in_a_large_map", many, bad, "x.name0"},
      {"ignored_twice", "\x84" + head + str("x-a") + "\x05" + str("x-a") + "\x06", bad, "x-a"},
      {"inside_ignored", "\x83" + head + str("x-a") + "\x82" + str("z") + "\x01" + str("z") + "\x01", bad, "x-a.z"},
      {"not_utf8_twice", "\x84" + head + str("\xff") + "\x05" + str("\xff") + "\x06", bad, "[\"<ff>\"]"},
      {"seal_twice", "\x84" + str("v") + "\x01" + str("op") + str("seal") + str("seal") + "\x80" + str("seal") + "\x80",
       bad, "seal"},
      {"in_seal",
       "\x83" + str("v") + "\x01" + str("op") + str("seal") + str("seal") + "\x82" + str("verdict") + str("SEAL") +
           str("verdict") + str("SEAL"),
       bad, "seal.verdict"},
      {"in_second_of_seals",
       "\x83" + str("v") + "\x01" + str("op") + str("seal_batch") + str("seals") + "\x92\x80\x82" + str("verdict") +
           str("SEAL") + str("verdict") + str("SEAL"),
       bad, "seals[1].verdict"},
      {"seal_data_twice",
       "\x83" + str("v") + "\x01" + str("op") + str("seal") + str("seal") + "\x82" + str("seal_data") + "\x80" +
           str("seal_data") + "\x80",
       bad, "seal.seal_data"},
      {"in_payload", with_value("\x82" + str("n") + "\x01" + str("n") + "\x02"), bad, "seal.seal_data.k.n", "\x07"},
      {"integer_name_in_unknown", "\x83" + head + str("x") + "\x81\x01\x02", bad, "x"},
      {"integer_name_in_seal", "\x83" + str("v") + "\x01" + str("op") + str("seal") + str("seal") + "\x81\x01\x02", bad,
       "seal"},
  };
}

std::vector<Case> seal_members() {
  constexpr auto bad = ErrorCode::invalid_argument;
  const auto one = [](const std::string& name, const std::string& value, const std::string& label) {
    return Case{name + "_" + label, with_member(name, value), bad, "seal." + name, "\x07"};
  };
  const std::string long_name = '"' + std::string(257, 'x') + '"';
  std::vector<Case> cases = {
      {"no_seal", pack(R"({"v":1,"op":"seal"})"), bad, "seal"},
      {"seal_nil", pack(R"({"v":1,"op":"seal","seal":null})"), bad, "seal"},
      {"seal_array", pack(R"({"v":1,"op":"seal","seal":[{}]})"), bad, "seal"},
      {"seal_empty", pack(R"({"v":1,"op":"seal","seal":{}})"), bad, "seal.session_id"},
      {"seal_for_batch", pack(R"({"v":1,"op":"seal_batch","seal":{}})"), bad, "seal"},
      one("session_id", "", "missing"),
      one("session_id", "5", "integer"),
      one("session_id", "\"\"", "empty"),
      one("session_id", long_name, "too_long"),
      one("session_id", R"("a\u0000b")", "nul"),
      one("session_id", R"("a\u007fb")", "del"),
      one("authority", "", "missing"),
      one("authority", "[]", "array"),
      one("authority", R"("\n")", "control"),
      one("verdict", "", "missing"),
      one("verdict", "\"MAYBE\"", "unknown"),
      one("verdict", "\"seal\"", "lower_case"),
      one("verdict", "{}", "map"),
      one("seal_id", "\"x\"", "no_uuid"),
      one("seal_id", "1", "integer"),
      one("seal_data", "", "missing"),
      one("seal_data", "null", "nil"),
      one("seal_data", "[]", "array"),
      one("seal_data", "\"{}\"", "text"),
  };
  std::string not_utf8 = with_member("session_id", "\"#\"");
  not_utf8.replace(not_utf8.find("#"), 1, "\xff");
  cases.push_back({"session_id_not_utf8", not_utf8, bad, "seal.session_id", "\x07"});
  cases.push_back({"sign_integer",
                   pack(R"({"v":1,"op":"seal","sign":1,"seal":{"session_id":"s","authority":"a","verdict":"SEAL",
                            "seal_data":{}}})"),
                   bad, "sign"});
  return cases;
}

std::vector<Case> payloads() {
  constexpr auto bad = ErrorCode::invalid_argument;
  const std::string k = "seal.seal_data.k";
  return {
      {"bin", with_value("\xc4\x01x"), bad, k, "\x07"},
      {"empty_bin", with_value("\xc4\0"s), bad, k, "\x07"},
      {"ext", with_value("\xd4\x05x"), bad, k, "\x07"},
      {"timestamp", with_value("\xd6\xff\x01\x02\x03\x04"), bad, k, "\x07"},
      {"bin_in_array", with_value("\x92\x01\xc4\x01x"), bad, k + "[1]", "\x07"},
      {"nan", with_value("\xcb\x7f\xf8\0\0\0\0\0\0"s), bad, k, "\x07"},
      {"infinity", with_value("\xcb\x7f\xf0\0\0\0\0\0\0"s), bad, k, "\x07"},
      {"minus_infinity_in_float_32", with_value("\xca\xff\x80\0\0"s), bad, k, "\x07"},
      {"nul_in_string", with_value("\xa1\0"s), bad, k, "\x07"},
      {"not_utf8", with_value("\xa1\xff"), bad, k, "\x07"},
      {"surrogate", with_value("\xa3\xed\xa0\x80"), bad, k, "\x07"},
      {"integer_name", with_value("\x81\x01\x02"), bad, k, "\x07"},
      {"map_name", with_value("\x81\x80\x02"), bad, k, "\x07"},
      {"array_name", with_value("\x81\x91\x01\x02"), bad, k, "\x07"},
      {"65_deep", with_value(nested(63, "\x91", "\x90")), bad, k + std::string(), "\x07"},
      {"arrays_5000_deep", with_value(nested(5000, "\x91", "\x90")), bad, k, "\x07"},
      {"in_second_of_seals",
       "\x83" + str("v") + "\x01" + str("op") + str("seal_batch") + str("seals") + "\x92\x84" + str("session_id") +
           str("s") + str("authority") + str("a") + str("verdict") + str("SEAL") + str("seal_data") + "\x80\x84" +
           str("session_id") + str("s") + str("authority") + str("a") + str("verdict") + str("SEAL") +
           str("seal_data") + "\x81" + str("score") + "\xcb\x7f\xf8\0\0\0\0\0\0"s,
       bad, "seals[1].seal_data.score"},
  };
}

std::vector<Case> batches() {
  return {
      {"no_seals", pack(R"({"v":1,"op":"seal_batch"})"), ErrorCode::invalid_argument, "seals"},
      {"empty", seals(0), ErrorCode::invalid_argument, "seals"},
      {"map", pack(R"({"v":1,"op":"seal_batch","seals":{}})"), ErrorCode::invalid_argument, "seals"},
      {"integer", pack(R"({"v":1,"op":"seal_batch","seals":4})"), ErrorCode::invalid_argument, "seals"},
      {"item_integer", pack(R"({"v":1,"op":"seal_batch","seals":[5]})"), ErrorCode::invalid_argument, "seals[0]"},
      {"item_array", pack(R"({"v":1,"op":"seal_batch","seals":[[{}]]})"), ErrorCode::invalid_argument, "seals[0]"},
      {"4097", seals(4097), ErrorCode::too_large, "seals"},
      {"4096_bad_ones", seals(4096), ErrorCode::invalid_argument, "seals[0].session_id"},
  };
}

std::vector<Case> arguments() {
  std::vector<Case> cases;
  const auto add = [&](const std::string& text, const std::string& field) {
    cases.push_back({text, pack(R"({"v":1,"id":7,"op":)" + text + "}"), ErrorCode::invalid_argument, field, "\x07"});
  };
  add(R"("read")", "sequence");
  add(R"("read","sequence":1,"session_id":"s")", "session_id");
  add(R"("read","seal_id":"x","sequence":1)", "seal_id");
  add(R"("read","sequence":0)", "sequence");
  add(R"("read","sequence":-1)", "sequence");
  add(R"("read","sequence":9223372036854775808)", "sequence");
  add(R"("read","sequence":1.5)", "sequence");
  add(R"("read","sequence":"1")", "sequence");
  add(R"("read","sequence":[1])", "sequence");
  add(R"("read","seal_id":"018f3c1e")", "seal_id");
  add(R"("read","session_id":"")", "session_id");
  add(R"("read","session_id":"s","limit":0)", "limit");
  add(R"("read","session_id":"s","cursor":-1)", "cursor");
  add(R"("list","limit":1001)", "limit");
  add(R"("list","limit":true)", "limit");
  add(R"("list","cursor":18446744073709551615)", "cursor");
  add(R"("list","order":"up")", "order");
  add(R"("list","order":1)", "order");
  add(R"("query","verdict":"")", "verdict");
  add(R"("query","authority":"\u0001")", "authority");
  add(R"("query","session_id":{})", "session_id");
  add(R"("query","from":"2026-01-02")", "from");
  add(R"("query","from":"2026-01-02T03:04:05Z")", "from");
  add(R"("query","to":"2026-02-30T03:04:05.000000Z")", "to");
  add(R"("query","to":1767322800)", "to");
  add(R"("verify","from":0)", "from");
  add(R"("verify","to":"9")", "to");
  add(R"("verify","from":5,"to":4)", "to");
  add(R"("verify","progress":"yes")", "progress");
  add(R"("proof")", "sequence");
  add(R"("proof","sequence":0)", "sequence");
  add(R"("proof","sequence":5,"tree_size":4)", "tree_size");
  add(R"("proof","sequence":5,"tree_size":9223372036854775808)", "tree_size");
  add(R"("consistency")", "first");
  add(R"("consistency","first":-1)", "first");
  add(R"("consistency","first":5,"second":4)", "second");
  return cases;
}

class Malformed : public testing::TestWithParam<Case> {};

TEST_P(Malformed, IsAnsweredByCodeFieldAndId) {
  const Case& one = GetParam();
  const auto decoded = decode_request(one.message, CodecLimits{});
  ASSERT_FALSE(decoded);
  const DecodeFailure& failure = decoded.error();
  EXPECT_EQ(error_name(failure.error.code), error_name(one.code)) << failure.error.message;
  if (one.name.find("deep") == std::string::npos) {
    EXPECT_EQ(failure.error.field, one.field) << failure.error.message;
  } else {
    EXPECT_TRUE(failure.error.field.starts_with(one.field)) << failure.error.field;
  }
  EXPECT_EQ(failure.id.msgpack, one.id);
  EXPECT_FALSE(failure.error.message.empty());
}

INSTANTIATE_TEST_SUITE_P(Framing, Malformed, testing::ValuesIn(framing()));
INSTANTIATE_TEST_SUITE_P(Headers, Malformed, testing::ValuesIn(headers()));
INSTANTIATE_TEST_SUITE_P(Duplicates, Malformed, testing::ValuesIn(duplicates()));
INSTANTIATE_TEST_SUITE_P(SealMembers, Malformed, testing::ValuesIn(seal_members()));
INSTANTIATE_TEST_SUITE_P(Payloads, Malformed, testing::ValuesIn(payloads()));
INSTANTIATE_TEST_SUITE_P(Batches, Malformed, testing::ValuesIn(batches()));
INSTANTIATE_TEST_SUITE_P(Arguments, Malformed, testing::ValuesIn(arguments()));

TEST(DecodeRequest, APayload64DeepIsTaken) {
  EXPECT_TRUE(decode_request(with_value(nested(62, "\x91", "\x90")), CodecLimits{}));
}

TEST(DecodeRequest, LimitsAreNamedWithTheirValues) {
  const std::string message = with_value("\xda\x04\0"s + std::string(1024, 'x'));
  const auto heavy = decode_request(message, {.seal_bytes_max = 1000});
  ASSERT_FALSE(heavy);
  EXPECT_EQ(heavy.error().error.code, ErrorCode::too_large);
  EXPECT_EQ(heavy.error().error.field.substr(0, 14), "seal.seal_data");
  EXPECT_NE(heavy.error().error.message.find("max_seal_bytes"), std::string::npos) << heavy.error().error.message;
  EXPECT_NE(heavy.error().error.message.find("1000"), std::string::npos);

  const auto long_one = decode_request(message, {.message_bytes_max = 1000});
  ASSERT_FALSE(long_one);
  EXPECT_EQ(long_one.error().error.code, ErrorCode::too_large);
  EXPECT_NE(long_one.error().error.message.find("max_message_bytes"), std::string::npos);
  EXPECT_NE(long_one.error().error.message.find("1000"), std::string::npos);
  EXPECT_EQ(long_one.error().id.msgpack, "\x07");  // stands before the bytes that are too many

  const auto batch = decode_request(seals(5000), CodecLimits{});
  ASSERT_FALSE(batch);
  EXPECT_NE(batch.error().error.message.find("4096"), std::string::npos);
}

TEST(DecodeRequest, PayloadsUpToTheLimitAreTaken) {
  // {"k":"xxx"} is eight bytes more than the x's; U+0001 is one byte on the wire and six in canonical text.
  const CodecLimits limits{.seal_bytes_max = 108};
  EXPECT_TRUE(decode_request(with_value("\xd9\x64" + std::string(100, 'x')), limits));
  EXPECT_FALSE(decode_request(with_value("\xd9\x65" + std::string(101, 'x')), limits));
  EXPECT_TRUE(decode_request(with_value("\xb0" + std::string(16, '\x01')), limits));
  EXPECT_FALSE(decode_request(with_value("\xb1" + std::string(17, '\x01')), limits));
}

TEST(DecodeRequest, NumbersThatSwellInTheDatabaseAreBounded) {
  // 5e-324 is 6 bytes of canonical text and 326 in jsonb; 4 x 1,000 bytes hold twelve of them.
  const CodecLimits limits{.seal_bytes_max = 1000};
  const std::string smallest = "\xcb\0\0\0\0\0\0\0\1"s;
  const auto list = [&](std::size_t count, const std::string& last) {
    std::string items = "\xdc"s;
    append_u16(items, static_cast<std::uint16_t>(count + 1));
    for (std::size_t i = 0; i < count; ++i) items += smallest;
    return with_value(items + last);
  };
  EXPECT_TRUE(decode_request(list(12, "\xcd\x27\x0f"), limits)) << "12 x 326 and 4 digits are 3,916";
  const auto refused = decode_request(list(13, "\x01"), limits);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().error.code, ErrorCode::too_large);
  EXPECT_EQ(refused.error().error.field, "seal.seal_data");
  EXPECT_NE(refused.error().error.message.find("max_seal_bytes"), std::string::npos) << refused.error().error.message;
  EXPECT_NE(refused.error().error.message.find("4000"), std::string::npos) << refused.error().error.message;
}

TEST(DecodeRequest, NestingOutsidePayloadsIsBounded) {
  const std::string head = "\x83" + str("v") + "\x01" + str("op") + str("head") + str("x-a");
  EXPECT_TRUE(decode_request(head + nested(60'000, "\x91", "\x90"), CodecLimits{}));
  for (const std::string& open : {"\x91"s, "\x81\xa1k"s}) {
    const auto deep = decode_request(head + nested(1'000'000, open, "\x90"), CodecLimits{});
    ASSERT_FALSE(deep);
    EXPECT_EQ(deep.error().error.code, ErrorCode::invalid_argument);
    EXPECT_EQ(deep.error().error.field.substr(0, 1), "x");
  }
}

TEST(DecodeRequest, MembersOutsidePayloadsAreBounded) {
  std::string message = "\x83" + str("v") + "\x01" + str("op") + str("head") + str("x") + "\xdf"s;
  append_u32(message, 200'000);
  for (int i = 0; i < 200'000; ++i) message += str(std::to_string(i)) + "\x01";
  const auto decoded = decode_request(message, CodecLimits{});
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().error.code, ErrorCode::too_large);
}

// Wherever a good message is cut, or whichever byte is replaced, there is an answer; and a truncated one is not a
// message.
TEST(DecodeRequest, EveryPrefixIsRefused) {
  const std::string message = encode_request(7, SealRequest{{samples::seal(), samples::seal()}, true, true});
  for (std::size_t size = 0; size < message.size(); ++size) {
    const auto decoded = decode_request(std::string_view(message).substr(0, size), CodecLimits{});
    ASSERT_FALSE(decoded) << size;
    EXPECT_EQ(decoded.error().error.code, ErrorCode::invalid_message) << size;
  }
}

TEST(DecodeRequest, EveryByteMayBeAnyByte) {
  const std::string message = encode_request(7, SealRequest{{samples::seal()}, false, true});
  for (std::size_t at = 0; at < message.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string changed = message;
      changed[at] = static_cast<char>(byte);
      const auto decoded = decode_request(changed, CodecLimits{});
      if (!decoded) {
        EXPECT_FALSE(decoded.error().error.message.empty());
      }
    }
  }
}

}  // namespace
}  // namespace vault
