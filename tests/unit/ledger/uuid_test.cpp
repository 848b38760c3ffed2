#include "ledger/uuid.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "ledger/bytes.hpp"

namespace vault {
namespace {

constexpr const char* sample = "00112233-4455-6677-8899-aabbccddeeff";

TEST(Uuid, TextFormReadsBack) {
  const auto id = parse_uuid(sample);
  ASSERT_TRUE(id);
  EXPECT_EQ(to_hex(id->bytes), "00112233445566778899aabbccddeeff");
  EXPECT_EQ(format_uuid(*id), sample);
  EXPECT_EQ(parse_uuid("00112233-4455-6677-8899-AABBCCDDEEFF"), id);
  EXPECT_TRUE(parse_uuid("00000000-0000-0000-0000-000000000000"));
  EXPECT_TRUE(parse_uuid("FFFFFFFF-ffff-FFFF-ffff-FFFFFFFFFFFF"));
}

TEST(Uuid, RefusesEveryOtherForm) {
  const std::string good = sample;
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (const char bad : {'g', 'G', ' ', '{', '\0', '\x80'}) {
      std::string text = good;
      text[i] = bad;
      EXPECT_FALSE(parse_uuid(text)) << text;
    }
    std::string text = good;
    text[i] = good[i] == '-' ? '0' : '-';
    EXPECT_FALSE(parse_uuid(text)) << text;
  }
  EXPECT_FALSE(parse_uuid(""));
  EXPECT_FALSE(parse_uuid(good + "0"));
  EXPECT_FALSE(parse_uuid(good.substr(1)));
  EXPECT_FALSE(parse_uuid("{" + good + "}"));
  EXPECT_FALSE(parse_uuid("00112233445566778899aabbccddeeff"));
}

// RFC 9562 appendix A.6: the same instant and random bits give the same identifier.
TEST(Uuid, Version7CarriesMillisecondsThenRandomBits) {
  std::array<std::uint8_t, 16> random{};
  random.fill(0xFF);
  const Uuid id = make_uuid_v7({1'645'557'742'000'999}, random);
  EXPECT_EQ(format_uuid(id), "017f22e2-79b0-7fff-bfff-ffffffffffff");
  random.fill(0);
  EXPECT_EQ(format_uuid(make_uuid_v7({0}, random)), "00000000-0000-7000-8000-000000000000");
  EXPECT_LT(make_uuid_v7({999}, random), make_uuid_v7({1000}, random));
}

// RFC 9562 appendix A.4, and the identifier of an imported record.
TEST(Uuid, Version5HashesNamespaceAndName) {
  const auto dns = parse_uuid("6ba7b810-9dad-11d1-80b4-00c04fd430c8");
  EXPECT_EQ(format_uuid(make_uuid_v5(*dns, "www.example.com")), "2ed6657d-e927-568b-95e1-2665a8aea6a2");

  std::ifstream file(VAULT_VECTORS_DIR "/entries.json");
  const auto legacy = nlohmann::json::parse(file).at("legacy_seal_id");
  const auto name_space = parse_uuid(legacy.at("namespace").get<std::string>());
  ASSERT_TRUE(name_space);
  const std::string name =
      legacy.at("legacy_source").get<std::string>() + "\n" + legacy.at("legacy_sha256").get<std::string>();
  EXPECT_EQ(format_uuid(make_uuid_v5(*name_space, name)), legacy.at("seal_id").get<std::string>());
}

TEST(Uuid, HashSpreadsIdsThatDifferInOneByte) {
  std::set<std::size_t> buckets;
  for (std::size_t at = 0; at < 16; ++at) {
    for (int value = 1; value < 256; ++value) {
      Uuid id;
      id.bytes[at] = static_cast<std::uint8_t>(value);
      buckets.insert(UuidHash{}(id) % 65'536);
    }
  }
  EXPECT_GT(buckets.size(), 3'800U);  // of 4,080; chance alone gives about 3,955
}

}  // namespace
}  // namespace vault
