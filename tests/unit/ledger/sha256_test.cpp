#include "ledger/sha256.hpp"

#include <gtest/gtest.h>

#include <string>

#include "ledger/merkle_hash.hpp"

namespace vault {
namespace {

// NIST's examples for FIPS 180-4.
TEST(Sha256, ExamplesOfTheStandard) {
  EXPECT_EQ(to_hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(to_hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(to_hex(sha256(std::string(1'000'000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, PartsHashAsTheirConcatenation) {
  std::string text;
  for (int i = 0; i < 200; ++i) text.push_back(static_cast<char>(i));
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    EXPECT_EQ(sha256(std::string_view(text).substr(0, cut), std::string_view(text).substr(cut)), sha256(text));
  }
}

// RFC 6962 section 2.1.
TEST(MerkleHash, LeavesAndNodesArePrefixed) {
  EXPECT_EQ(hash_leaf("L"), sha256(std::string("\0L", 2)));
  EXPECT_EQ(to_hex(hash_leaf("")), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
  const Hash left = sha256("left");
  const Hash right = sha256("right");
  const std::string node = "\x01" + std::string(as_view(left)) + std::string(as_view(right));
  EXPECT_EQ(hash_node(left, right), sha256(node));
  EXPECT_NE(hash_node(left, right), hash_node(right, left));
  EXPECT_EQ(empty_root(), sha256(""));
}

}  // namespace
}  // namespace vault
