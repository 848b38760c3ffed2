#include "ledger/ed25519_batch.hpp"

#include <gtest/gtest.h>

#include "ledger/curve25519.hpp"
#include "ledger/signed_note.hpp"

namespace vault {
namespace {

SigningKey key_of(std::uint8_t seed) {
  Hash bytes{};
  bytes[7] = seed;
  return *SigningKey::from_seed("k", bytes);
}

std::vector<SignedMessage> signed_by(const SigningKey& key, int count) {
  std::vector<SignedMessage> batch;
  for (int i = 0; i < count; ++i) {
    const std::string text = std::string(static_cast<std::size_t>(i % 300), 'm') + std::to_string(i);
    batch.push_back({text, key.sign(text).signature});
  }
  return batch;
}

TEST(Ed25519Batch, GoodSignaturesVerify) {
  for (const int count : {0, 1, 2, 3, 4, 5, 64, 1'024}) {
    for (std::uint8_t seed = 1; seed <= 3; ++seed) {
      const SigningKey key = key_of(seed);
      EXPECT_TRUE(verify_ed25519_batch(key.verifier().public_key, signed_by(key, count))) << count;
    }
  }
}

TEST(Ed25519Batch, OneBadSignatureAmongManyIsNoticed) {
  const SigningKey key = key_of(1);
  const Hash& public_key = key.verifier().public_key;
  const auto good = signed_by(key, 40);
  for (std::size_t byte = 0; byte < 64; ++byte) {
    for (const int bit : {0, 7}) {
      auto batch = good;
      char& flipped = batch[byte % batch.size()].signature[byte];
      flipped = static_cast<char>(flipped ^ 1 << bit);
      EXPECT_FALSE(verify_ed25519_batch(public_key, batch)) << byte << '.' << bit;
      EXPECT_FALSE(verify_ed25519(public_key, batch[byte % batch.size()]));
    }
  }
  auto batch = good;
  batch[17].message += 'x';
  EXPECT_FALSE(verify_ed25519_batch(public_key, batch));
  batch = good;
  std::swap(batch[3].signature, batch[4].signature);
  EXPECT_FALSE(verify_ed25519_batch(public_key, batch));
  batch = good;
  batch[0].signature.pop_back();
  EXPECT_FALSE(verify_ed25519_batch(public_key, batch));
  EXPECT_FALSE(verify_ed25519_batch(key_of(2).verifier().public_key, good));
}

// Two wrong ones that would make up for each other if all counted alike.
TEST(Ed25519Batch, WrongSignaturesDoNotCancelOut) {
  const SigningKey key = key_of(1);
  auto batch = signed_by(key, 2);
  auto& up = batch[0].signature[32];
  auto& down = batch[1].signature[32];
  if (static_cast<std::uint8_t>(up) == 255 || down == 0) GTEST_SKIP() << "no room";
  ++up, --down;
  EXPECT_FALSE(verify_ed25519_batch(key.verifier().public_key, batch));
}

// The same number plus the group's order: the same sum, and no signature (RFC 8032, section 5.1.7).
TEST(Ed25519Batch, AScalarThatIsNotReducedIsRefused) {
  const SigningKey key = key_of(1);
  auto batch = signed_by(key, 1);
  const std::uint8_t order[] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
                                0xa2, 0xde, 0xf9, 0xde, 0x14, 0,    0,    0,    0,    0,    0,
                                0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10};
  unsigned carry = 0;
  for (std::size_t i = 0; i < 32; ++i) {
    const unsigned sum = static_cast<std::uint8_t>(batch[0].signature[32 + i]) + order[i] + carry;
    batch[0].signature[32 + i] = static_cast<char>(sum);
    carry = sum >> 8;
  }
  EXPECT_FALSE(verify_ed25519(key.verifier().public_key, batch[0]));
  EXPECT_FALSE(verify_ed25519_batch(key.verifier().public_key, batch));
}

TEST(Curve25519, PointsHaveOneEncoding) {
  Hash bytes{};
  bytes[0] = 1;  // the neutral element
  EXPECT_TRUE(curve25519::decode_point(bytes));
  bytes[31] = 0x80;  // with x = -0
  EXPECT_FALSE(curve25519::decode_point(bytes));
  bytes.fill(0xff);  // y = 2^255 - 1, which is 18
  bytes[31] = 0x7f;
  EXPECT_FALSE(curve25519::decode_point(bytes));
  int points = 0;
  for (std::uint8_t y = 0; y < 100; ++y) points += curve25519::decode_point(Hash{y}).has_value();
  EXPECT_GT(points, 30);  // about half of all numbers are a point's y
  EXPECT_LT(points, 70);
}

TEST(Curve25519, TheGroupHasItsOrder) {
  curve25519::Scalar order{0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,
                           0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14};
  order[31] = 0x10;
  const std::vector<curve25519::AddPoint> base{curve25519::base_point()};
  EXPECT_TRUE(curve25519::sums_to_zero(base, std::vector{order}));
  order[0] -= 1;
  EXPECT_FALSE(curve25519::sums_to_zero(base, std::vector{order}));
  curve25519::Scalar one{1};
  EXPECT_TRUE(curve25519::sums_to_zero(std::vector{base[0], base[0]}, std::vector{order, one}));
  EXPECT_TRUE(curve25519::sums_to_zero(std::vector{base[0], curve25519::negate(base[0])}, std::vector{one, one}));
}

}  // namespace
}  // namespace vault
