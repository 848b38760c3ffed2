#include "wire/codec.hpp"

#include <gtest/gtest.h>

#include "tests/unit/wire/samples.hpp"

namespace vault {
namespace {

using nlohmann::json;
using samples::pack;
using samples::unpack;

template <class T>
T round_trip(const T& request) {
  const auto decoded = decode_request(encode_request(99, request), CodecLimits{});
  if (!decoded) {
    ADD_FAILURE() << decoded.error().error.message << " in " << decoded.error().error.field;
    return {};
  }
  EXPECT_EQ(decoded->id.msgpack, "\x63");  // 99
  return std::get<T>(decoded->operation);
}

TEST(Requests, Seal) {
  const SealRequest request{{samples::seal()}, false, true};
  const SealRequest decoded = round_trip(request);
  EXPECT_EQ(decoded.seals, request.seals);
  EXPECT_FALSE(decoded.batch);
  EXPECT_TRUE(decoded.sign);
}

TEST(Requests, SealBatch) {
  Seal other = samples::seal();
  other.seal_id.reset();
  other.seal_data = "{}";
  const SealRequest request{{samples::seal(), other}, true, false};
  const SealRequest decoded = round_trip(request);
  EXPECT_EQ(decoded.seals, request.seals);
  EXPECT_TRUE(decoded.batch);
  EXPECT_FALSE(decoded.sign);
}

TEST(Requests, SealBatchOfTheLargestSize) {
  const SealRequest request{std::vector<Seal>(limits::batch_seals_max, samples::seal()), true, false};
  EXPECT_EQ(round_trip(request).seals, request.seals);
}

TEST(Requests, Read) {
  ReadRequest request;
  request.sequence = INT64_MAX;
  EXPECT_EQ(round_trip(request).sequence, INT64_MAX);
  request = {};
  request.seal_id = parse_uuid(samples::seal_id_text);
  EXPECT_EQ(round_trip(request).seal_id, request.seal_id);
  request = {};
  PageRequest& page = request.session.emplace();
  page.session_id = "s";
  page.cursor = 17;
  page.limit = 3;
  page.order = Order::ascending;
  EXPECT_EQ(round_trip(request).session, request.session);
}

TEST(Requests, ListAndQuery) {
  ListRequest list;
  EXPECT_EQ(round_trip(list).page, list.page);
  list.page.cursor = 0;
  list.page.limit = 1000;
  list.page.order = Order::ascending;
  EXPECT_EQ(round_trip(list).page, list.page);
  EXPECT_EQ(unpack(encode_request(1, list)).at("op"), "list");
  list.page.verdict = Verdict::void_;
  list.page.session_id = "s";
  list.page.authority = "a";
  list.page.from = Timestamp{1};
  list.page.to = Timestamp{2};
  EXPECT_EQ(round_trip(list).page, list.page);
  EXPECT_EQ(unpack(encode_request(1, list)).at("op"), "query");
}

TEST(Requests, VerifyProofConsistency) {
  const auto verify = round_trip(VerifyRangeRequest{3, 9, true});
  EXPECT_EQ(verify.from, 3);
  EXPECT_EQ(verify.to, 9);
  EXPECT_TRUE(verify.progress);
  EXPECT_FALSE(round_trip(VerifyRangeRequest{}).from);
  const auto proof = round_trip(ProofRequest{5, 8});
  EXPECT_EQ(proof.sequence, 5);
  EXPECT_EQ(proof.tree_size, 8);
  const auto consistency = round_trip(ConsistencyRequest{0, 8});
  EXPECT_EQ(consistency.first, 0);
  EXPECT_EQ(consistency.second, 8);
  EXPECT_FALSE(round_trip(ConsistencyRequest{1, {}}).second);
}

TEST(Requests, Tiles) {
  const auto tile = round_trip(TileRequest{2, 7, 13});
  EXPECT_EQ(tile.level, 2);
  EXPECT_EQ(tile.index, 7);
  EXPECT_EQ(tile.width, 13);
  const auto bundle = round_trip(EntryBundleRequest{7, 13});
  EXPECT_EQ(bundle.index, 7);
  EXPECT_EQ(bundle.width, 13);
  for (const auto& [text, field] : std::initializer_list<std::pair<const char*, const char*>>{
           {R"({"v":1,"op":"tile","index":0})", "level"},
           {R"({"v":1,"op":"tile","level":0})", "index"},
           {R"({"v":1,"op":"tile","level":64,"index":0})", "level"},
           {R"({"v":1,"op":"tile","level":0,"index":-1})", "index"},
           {R"({"v":1,"op":"tile","level":0,"index":0,"width":257})", "width"},
           {R"({"v":1,"op":"entry_bundle","index":0,"width":0})", "width"},
           {R"({"v":1,"op":"entry_bundle","index":0,"level":0})", "level"}}) {
    const auto refused = decode_request(pack(text), CodecLimits{});
    ASSERT_FALSE(refused) << text;
    EXPECT_EQ(refused.error().error.field, field) << text;
  }
}

TEST(Requests, AtLeastGoesWithWhatReads) {
  const auto decoded = decode_request(pack(R"({"v":1,"op":"list","at_least":7})"), CodecLimits{});
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->at_least, 7);
  for (const Operation& operation :
       {Operation(ListRequest{}), Operation(HeadRequest{}), Operation(ProofRequest{5, {}})}) {
    EXPECT_EQ(decode_request(encode_request(1, operation, 9), CodecLimits{})->at_least, 9);
    EXPECT_EQ(decode_request(encode_request(1, operation), CodecLimits{})->at_least, 0);
  }
  const auto refused = decode_request(pack(R"({"v":1,"op":"head","at_least":-1})"), CodecLimits{});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().error.field, "at_least");
}

TEST(Requests, WithoutArguments) {
  round_trip(CheckpointRequest{});
  round_trip(HeadRequest{});
  round_trip(StatusRequest{});
}

TEST(Requests, MembersMayComeInAnyOrderAndThoseOfTheProducerAreIgnored) {
  const auto decoded = decode_request(
      pack(
          R"({"x-later":{"x":[1,{"y":2}]},"sign":null,"seal":{"seal_data":{"b":1,"a":{"z":[],"y":{}}},"x-new":[{"q":1}],
               "verdict":"VOID","authority":"a","session_id":"s","seal_id":null},"x-seals":"not seals",
               "id":"x","op":"seal","v":1})"),
      CodecLimits{});
  ASSERT_TRUE(decoded) << decoded.error().error.message;
  EXPECT_EQ(decoded->id.msgpack, "\xa1x");
  const auto& request = std::get<SealRequest>(decoded->operation);
  ASSERT_EQ(request.seals.size(), 1U);
  EXPECT_EQ(request.seals[0], (Seal{"s", "a", Verdict::void_, R"({"a":{"y":{},"z":[]},"b":1})", std::nullopt}));
}

TEST(Requests, OfASealInAnotherOperationOnlyItsPlaceIsTold) {
  const auto refused = decode_request(pack(R"({"v":1,"op":"head","seal":{"verdict":5}})"), CodecLimits{});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().error.field, "seal");
}

TEST(Requests, NilCountsAsAbsent) {
  const auto decoded =
      decode_request(pack(R"({"v":1,"op":"query","verdict":null,"cursor":null,"limit":null,"order":null,"from":null})"),
                     CodecLimits{});
  ASSERT_TRUE(decoded) << decoded.error().error.message;
  EXPECT_EQ(std::get<ListRequest>(decoded->operation).page, PageRequest{});
}

TEST(Requests, TheIdIsEchoedByteForByte) {
  using namespace std::string_literals;
  const std::string ids[] = {
      "\xc0"s,                                  // nil
      "\xc3"s,                                  // true
      "\x05"s,                                  // 5
      "\xcd\x00\x05"s,                          // 5 in three bytes
      "\xd3\x00\x00\x00\x00\x00\x00\x00\x05"s,  // 5 as int 64
      "\xd0\xdf"s,                              // -33
      "\xff"s,                                  // -1
      "\xcf\xff\xff\xff\xff\xff\xff\xff\xff"s,  // 2^64 - 1
      "\xca\x3f\xc0\x00\x00"s,                  // 1.5 as float 32
      "\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00"s,  // NaN
      "\xa2id"s,
      "\xd9\x02id"s,            // str 8 where a fixstr would do
      "\xa0"s,                  // ""
      "\xa1\xff"s,              // no UTF-8: still the peer's own
      "\xc4\x03\x00\x01\x02"s,  // bin
      "\xc4\x00"s,
  };
  for (const std::string& id : ids) {
    const std::string message = "\x83\xa2id" + id + "\xa2op\xa4head\xa1v\x01";
    const auto decoded = decode_request(message, CodecLimits{});
    ASSERT_TRUE(decoded) << decoded.error().error.message;
    EXPECT_EQ(decoded->id.msgpack, id);
    EXPECT_NE(encode_error_reply(decoded->id, {}).find("\xa2id" + id), std::string::npos);
  }
}

TEST(Requests, PayloadsBecomeCanonicalText) {
  msgpack::sbuffer buffer;
  msgpack::packer<msgpack::sbuffer> packer(buffer);
  packer.pack_map(3).pack("v").pack(1).pack("op").pack("seal").pack("seal");
  packer.pack_map(4).pack("session_id").pack("s").pack("authority").pack("a").pack("verdict").pack("SEAL");
  packer.pack("seal_data").pack_map(6);
  packer.pack("z").pack_float(1.5F);
  packer.pack("y");
  buffer.write("\xcb\x43\xb0\0\0\0\0\0\0", 9);  // the float 2^60; pack_double() would make it an integer
  packer.pack("x").pack_uint64(UINT64_MAX);
  packer.pack("w").pack_int64(INT64_MIN);
  packer.pack("v").pack_fix_int64(7);
  packer.pack("u");
  buffer.write("\xcb\x80\0\0\0\0\0\0\0", 9);  // -0.0
  const auto decoded = decode_request({buffer.data(), buffer.size()}, CodecLimits{});
  ASSERT_TRUE(decoded) << decoded.error().error.message;
  EXPECT_EQ(std::get<SealRequest>(decoded->operation).seals[0].seal_data,
            R"({"u":0,"v":7,"w":-9223372036854775808,"x":18446744073709551615,"y":1152921504606847000,"z":1.5})");
}

}  // namespace
}  // namespace vault
