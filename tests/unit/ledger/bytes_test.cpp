#include "ledger/bytes.hpp"

#include <gtest/gtest.h>

#include <string>

namespace vault {
namespace {

TEST(Bytes, HexIsLowerCaseAndReadsBack) {
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  const std::string text = to_hex(all);
  EXPECT_EQ(text.substr(0, 8), "00010203");
  EXPECT_EQ(text.substr(2 * 0xab, 2), "ab");
  EXPECT_EQ(text.substr(510), "ff");
  std::array<std::uint8_t, 256> back{};
  ASSERT_TRUE(parse_hex(text, back.data(), back.size()));
  EXPECT_EQ(as_view(back), all);
}

TEST(Bytes, HexIsStrict) {
  const std::string good(64, 'a');
  EXPECT_TRUE(hash_from_hex(good));
  EXPECT_FALSE(hash_from_hex(good.substr(1)));
  EXPECT_FALSE(hash_from_hex(good + "a"));
  EXPECT_FALSE(hash_from_hex(good + "aa"));
  for (const char bad : {'A', 'g', ' ', '/', ':', '`', '\0', '\x80', '\xff'}) {
    std::string text = good;
    text[63] = bad;
    EXPECT_FALSE(hash_from_hex(text)) << static_cast<int>(bad);
    text = good;
    text[0] = bad;
    EXPECT_FALSE(hash_from_hex(text)) << static_cast<int>(bad);
  }
}

TEST(Bytes, ArrayFromBytesWantsTheExactSize) {
  EXPECT_EQ(array_from_bytes<2>("\xff\x01"), (std::array<std::uint8_t, 2>{0xff, 0x01}));
  EXPECT_FALSE(array_from_bytes<2>("a"));
  EXPECT_FALSE(array_from_bytes<2>("abc"));
}

// RFC 4648 section 10.
TEST(Bytes, Base64VectorsOfTheRfc) {
  const std::pair<std::string, std::string> cases[] = {{"", ""},
                                                       {"f", "Zg=="},
                                                       {"fo", "Zm8="},
                                                       {"foo", "Zm9v"},
                                                       {"foob", "Zm9vYg=="},
                                                       {"fooba", "Zm9vYmE="},
                                                       {"foobar", "Zm9vYmFy"},
                                                       {"\xfb\xff\xbf", "+/+/"}};
  for (const auto& [bytes, text] : cases) {
    EXPECT_EQ(to_base64(bytes), text);
    EXPECT_EQ(from_base64(text), bytes);
  }
}

TEST(Bytes, Base64IsStrict) {
  for (const char* text : {"Zg", "Zg=", "Zg===", "Z===", "====", "=", "Zh==", "Zm9=", "Zm9v\n", "Zm9v ", " Zm9", "Zm-v",
                           "Zm_v", "Zg==Zg==", "Z=g=", "=Zg=", "Zm9vZ"}) {
    EXPECT_EQ(from_base64(text), std::nullopt) << text;
  }
  EXPECT_EQ(from_base64(std::string_view("Zm9\0", 4)), std::nullopt);
}

TEST(Bytes, Base64ReadsBackEveryLength) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(from_base64(to_base64(bytes)), bytes) << i;
    bytes.push_back(static_cast<char>(i * 37 + 200));
  }
}

TEST(Bytes, IntegersAreBigEndian) {
  std::string out;
  append_u16(out, 0x0102);
  append_u32(out, 0xfffefdfc);
  append_u64(out, 0x0102030405060708);
  EXPECT_EQ(to_hex(out), "0102fffefdfc0102030405060708");
}

// The definition in RFC 3629 section 3, read literally: decode, then look at the code point.
bool is_valid_by_definition(const std::string& text) {
  std::size_t i = 0;
  while (i < text.size()) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80   ? 1
                               : lead < 0xC0 ? 0
                               : lead < 0xE0 ? 2
                               : lead < 0xF0 ? 3
                               : lead < 0xF8 ? 4
                                             : 0;
    if (length == 0 || i + length > text.size()) return false;
    std::uint32_t code = length == 1 ? lead : lead & (0x7FU >> length);
    for (std::size_t k = 1; k < length; ++k) {
      const auto byte = static_cast<unsigned char>(text[i + k]);
      if (byte < 0x80 || byte > 0xBF) return false;
      code = code << 6 | (byte & 0x3F);
    }
    constexpr std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (code < least[length] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return false;
    i += length;
  }
  return true;
}

TEST(Bytes, Utf8AgreesWithTheDefinition) {
  int valid = 0;
  for (std::uint32_t bits = 0; bits < 1U << 24; bits += 3) {
    const std::string text{static_cast<char>(bits >> 16), static_cast<char>(bits >> 8), static_cast<char>(bits)};
    const bool expected = is_valid_by_definition(text);
    valid += expected;
    if (is_valid_utf8(text) != expected) FAIL() << to_hex(text);
  }
  EXPECT_GT(valid, 800'000);
  for (int lead = 0xEF; lead <= 0xFF; ++lead) {
    for (int second = 0x7F; second <= 0xC0; ++second) {
      for (const char last : {'\x7f', '\x80', '\xbf', '\xc0'}) {
        const std::string text{static_cast<char>(lead), static_cast<char>(second), last, last};
        EXPECT_EQ(is_valid_utf8(text), is_valid_by_definition(text)) << to_hex(text);
        EXPECT_EQ(is_valid_utf8("12345678" + text + "12345678"), is_valid_by_definition(text)) << to_hex(text);
        EXPECT_FALSE(is_valid_utf8("abc" + text.substr(0, 3)) && lead >= 0xF0) << to_hex(text);
      }
    }
  }
}

TEST(Bytes, Utf8FindsABadByteAnywhere) {
  for (std::size_t size = 1; size < 40; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      std::string text(size, 'x');
      EXPECT_TRUE(is_valid_utf8(text));
      text[at] = '\x80';
      EXPECT_FALSE(is_valid_utf8(text)) << size << " " << at;
    }
  }
  EXPECT_TRUE(is_valid_utf8(""));
  EXPECT_TRUE(is_valid_utf8(std::string_view("\0", 1)));
  EXPECT_TRUE(is_valid_utf8("naïve 🔒 \uFFFF"));
}

}  // namespace
}  // namespace vault
