#include "store/signature_check.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "ledger/signed_note.hpp"

namespace vault {
namespace {

std::vector<KeyedMessage> signed_messages(std::size_t count) {
  Hash seed{};
  seed.fill(7);
  const auto key = SigningKey::from_seed("example.org/log", seed);
  std::vector<KeyedMessage> all(count);
  for (std::size_t i = 0; i < count; ++i) {
    all[i].public_key = key->verifier().public_key;
    all[i].signed_message.message = "message " + std::to_string(i);
    all[i].signed_message.signature = key->sign(all[i].signed_message.message).signature;
  }
  return all;
}

TEST(SignatureCheck, NothingIsWrongWithWhatWasSigned) {
  EXPECT_EQ(first_bad_signature({}, 4), std::nullopt);
  const auto all = signed_messages(600);
  for (const unsigned threads : {0U, 1U, 2U, 3U, 64U}) EXPECT_EQ(first_bad_signature(all, threads), std::nullopt);
}

// Whichever thread finds which of them first.
TEST(SignatureCheck, NamesTheFirstHoweverManyLook) {
  auto all = signed_messages(600);
  all[599].signed_message.message += '.';
  all[405].signed_message.signature[63] ^= 1;
  all[404].signed_message.signature.pop_back();
  all[130].public_key[5] ^= 1;
  for (const unsigned threads : {1U, 2U, 3U, 9U}) EXPECT_EQ(first_bad_signature(all, threads), 130U) << threads;
  all.erase(all.begin() + 130);
  for (const unsigned threads : {1U, 2U, 3U, 9U}) EXPECT_EQ(first_bad_signature(all, threads), 403U) << threads;
  all.erase(all.begin() + 403);
  EXPECT_EQ(first_bad_signature(all, 2), 403U);
  all.erase(all.begin() + 403);
  EXPECT_EQ(first_bad_signature(all, 2), 596U);
}

// libsodium refuses a key of small order, with which anybody can sign; OpenSSL does not. As everywhere else, OpenSSL
// decides: two programs that disagree about a note would be worse than a key that its owner made worthless.
TEST(SignatureCheck, SaysWhatTheNotesSay) {
  KeyedMessage one;
  one.public_key[0] = 1;  // the neutral element
  one.signed_message.message = "anything";
  one.signed_message.signature = std::string(64, '\0');
  one.signed_message.signature[0] = 1;
  const bool good = verify_ed25519(one.public_key, one.signed_message);
  EXPECT_EQ(!first_bad_signature({&one, 1}, 1), good);
}

}  // namespace
}  // namespace vault
