#include "ledger/signed_note.hpp"

#include <gtest/gtest.h>

#include "tests/unit/ledger/vector_file.hpp"

namespace vault {
namespace {

class TlogVectors : public ::testing::Test {
 protected:
  nlohmann::json vectors_ = load_vectors("tlog.json");
  std::string checkpoint_ = vectors_["checkpoint"];
  std::string origin_ = vectors_["origin"];
  SigningKey log_ = SigningKey::from_seed(origin_, hex_hash(vectors_["log_seed_hex"])).value();
  SigningKey witness_ = SigningKey::from_seed("witness.example/w1", hex_hash(vectors_["witness_seed_hex"])).value();
  std::uint64_t witness_time_ = vectors_["witness_time"];
};

TEST_F(TlogVectors, VerifierKeysPrintAndParse) {
  const std::string log_vkey = vectors_["log_vkey"];
  const std::string witness_vkey = vectors_["witness_vkey"];
  EXPECT_EQ(log_.verifier().format(), log_vkey);
  EXPECT_EQ(witness_.verifier(KeyType::cosignature).format(), witness_vkey);
  const VerifierKey parsed = VerifierKey::parse(witness_vkey).value();
  EXPECT_EQ(parsed.name, "witness.example/w1");
  EXPECT_EQ(parsed.type, KeyType::cosignature);
  EXPECT_EQ(parsed.key_id(), 0xe75f6532u);
  EXPECT_EQ(parsed.format(), witness_vkey);
  EXPECT_EQ(VerifierKey::parse(log_vkey).value().key_id(), 0x33d7b496u);
}

TEST_F(TlogVectors, SigningAndCosigningGiveTheNote) {
  const SignedNote parsed = parse_note(checkpoint_).value();
  SignedNote made{parsed.text, {}};
  made.signatures.push_back(log_.sign(made.text));
  made.signatures.push_back(witness_.cosign(made.text, witness_time_));
  EXPECT_EQ(format_note(made), checkpoint_);
  EXPECT_EQ(format_note(parsed), checkpoint_);
}

TEST_F(TlogVectors, BothSignaturesVerify) {
  const SignedNote note = parse_note(checkpoint_).value();
  ASSERT_EQ(note.signatures.size(), 2u);
  EXPECT_TRUE(verify_note(note, log_.verifier()).has_value());
  std::uint64_t cosigned_at = 0;
  EXPECT_TRUE(verify_note(note, witness_.verifier(KeyType::cosignature), &cosigned_at).has_value());
  EXPECT_EQ(cosigned_at, witness_time_);
  EXPECT_FALSE(verify_note(note, witness_.verifier(KeyType::ed25519)).has_value()) << "another key ID";
  EXPECT_FALSE(verify_note(note, log_.verifier(KeyType::cosignature)).has_value());
}

TEST_F(TlogVectors, EveryChangedByteIsFound) {
  const VerifierKey log = log_.verifier();
  const VerifierKey witness = witness_.verifier(KeyType::cosignature);
  const std::size_t log_end = checkpoint_.find("\u2014 witness");
  for (std::size_t i = 0; i < checkpoint_.size(); ++i) {
    std::string changed = checkpoint_;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    const Result<SignedNote> note = parse_note(changed);
    if (!note) continue;
    const bool in_text = i < note->text.size();
    const bool in_log_line = !in_text && i < log_end;
    EXPECT_EQ(verify_note(*note, log).has_value(), !in_text && !in_log_line) << i;
    EXPECT_EQ(verify_note(*note, witness).has_value(), in_log_line) << i;
  }
}

TEST_F(TlogVectors, AKnownKeysBadLineSpoilsItsGoodOne) {
  SignedNote note = parse_note(checkpoint_).value();
  note.signatures.push_back(note.signatures[0]);
  EXPECT_TRUE(verify_note(note, log_.verifier()).has_value());
  note.signatures.back().signature[0] ^= 1;
  EXPECT_FALSE(verify_note(note, log_.verifier()).has_value());
  note.signatures.back().signature.pop_back();
  EXPECT_FALSE(verify_note(note, log_.verifier()).has_value());
  note.signatures.back().key_id ^= 1;  // now it is a line of some other key
  EXPECT_TRUE(verify_note(note, log_.verifier()).has_value());
  note.signatures.back().key_id ^= 1;
  note.signatures.back().name += "x";
  EXPECT_TRUE(verify_note(note, log_.verifier()).has_value());
}

TEST_F(TlogVectors, TheNewestOfSeveralCosignaturesCounts) {
  SignedNote note = parse_note(checkpoint_).value();
  note.signatures.push_back(witness_.cosign(note.text, witness_time_ + 5));
  note.signatures.push_back(witness_.cosign(note.text, 1));
  std::uint64_t cosigned_at = UINT64_MAX;
  EXPECT_TRUE(verify_note(note, witness_.verifier(KeyType::cosignature), &cosigned_at).has_value());
  EXPECT_EQ(cosigned_at, witness_time_ + 5);
  note.signatures.push_back(witness_.cosign(note.text, std::uint64_t{1} << 63));
  EXPECT_FALSE(verify_note(note, witness_.verifier(KeyType::cosignature)).has_value()) << "beyond 2^63 - 1";
}

// The example of C2SP signed-note: an empty line inside the text.
TEST(SignedNote, TextMayHoldEmptyLines) {
  const std::string text =
      "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned \u00e8 subito sera.\n";
  const std::string note = text +
                           "\n\u2014 quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/"
                           "5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n";
  const Result<SignedNote> parsed = parse_note(note);
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->text, text);
  ASSERT_EQ(parsed->signatures.size(), 1u);
  EXPECT_EQ(parsed->signatures[0].name, "quasimodo.example/salvatore");
  EXPECT_EQ(parsed->signatures[0].key_id, 0x367ba04bu);
  EXPECT_EQ(parsed->signatures[0].signature.size(), 64u);
  EXPECT_EQ(format_note(*parsed), note);
}

TEST(SignedNote, MalformedNotesNameTheLine) {
  const std::string dash = "\u2014 ";
  const std::string good = dash + "key AAAAAAE=\n";
  const std::pair<std::string, std::string> cases[] = {
      {"", "no empty line"},
      {"text\n", "no empty line"},
      {"text\n" + good, "no empty line"},
      {"text\n\n", "line 3"},
      {"text\xff\n\n" + good, "the note is not valid UTF-8"},
      {"text\r\n\n" + good, "line 1"},
      {"text\na\tb\n\n" + good, "line 2"},
      {std::string("text\nb\0\n\n", 9) + good, "line 2"},
      {"text\n\x1f\n\n" + good, "line 2"},
      {"text\n\n" + good + "\n", "line 5"},
      {"text\n\n" + good.substr(0, good.size() - 1), "line 3"},
      {"text\n\n" + good + "x", "line 4"},
      {"text\n\n" + good + "x\n", "line 4"},
      {"text\n\n- key AAAAAAE=\n", "line 3"},
      {"text\n\n\u2014key AAAAAAE=\n", "line 3"},
      {"text\n\n" + dash + "key\n", "line 3"},
      {"text\n\n" + dash + "key \n", "line 3"},
      {"text\n\n" + dash + " AAAAAAE=\n", "line 3"},
      {"text\n\n" + dash + "k+y AAAAAAE=\n", "line 3"},
      {"text\n\n" + dash + "k\u00a0y AAAAAAE=\n", "line 3"},
      {"text\n\n" + dash + "k\u3000y AAAAAAE=\n", "line 3"},
      {"text\n\n" + dash + "k\u0085y AAAAAAE=\n", "line 3"},
      {"text\n\n" + dash + "key AAAAAA==\n", "line 3"},   // a key ID and nothing else
      {"text\n\n" + dash + "key AAAAAAF=\n", "line 3"},   // unused bits set
      {"text\n\n" + dash + "key AAAAAAE\n", "line 3"},    // no padding
      {"text\n\n" + dash + "key AAAAAAE= \n", "line 3"},  // trailing space
      {"text\n\n" + dash + "key  AAAAAAE=\n", "line 3"},
      {"text\n\n" + dash + "key AAAA_AE=\n", "line 3"},  // the other alphabet
      {"a\nb\n\nc\n\n" + good + dash + "key AAAAAAE\n", "line 7"},
  };
  for (const auto& [text, start] : cases) {
    const Result<SignedNote> parsed = parse_note(text);
    ASSERT_FALSE(parsed.has_value()) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(parsed.error().message.substr(0, start.size()), start) << text;
  }
}

TEST(SignedNote, AtMostAHundredSignatures) {
  std::string note = "text\n\n";
  for (int i = 0; i < 100; ++i) note += "\u2014 key AAAAAAE=\n";
  EXPECT_EQ(parse_note(note).value().signatures.size(), 100u);
  note += "\u2014 key AAAAAAE=\n";
  ASSERT_FALSE(parse_note(note).has_value());
  EXPECT_EQ(parse_note(note).error().message.substr(0, 8), "line 103");
}

// C2SP: verifiers MUST ignore signatures from unknown keys, and a key's name is any UTF-8 without spaces and plus.
TEST_F(TlogVectors, LinesOfUnknownKeysAreSkippedWhateverTheirNames) {
  SignedNote note = parse_note(checkpoint_).value();
  for (const std::string& name : {std::string("witness.\u4f8b.example/\u767b"),
                                  std::string("\u0441\u0432\u0438\u0434\u0435\u0442\u0435\u043b\u044c"),
                                  std::string("\U0001f441\ufe0f\u200d\U0001f5e8\ufe0f"), std::string(300, 'w'),
                                  std::string("\u200f\u05e2\u05d3"), std::string("a\x7f")}) {
    note.signatures.insert(note.signatures.begin(), NoteSignature{name, 0x01020304, std::string(4'700, 's')});
  }
  const Result<SignedNote> parsed = parse_note(format_note(note));
  ASSERT_TRUE(parsed.has_value()) << parsed.error().message;
  EXPECT_EQ(parsed->signatures.size(), 8u);
  EXPECT_TRUE(verify_note(*parsed, log_.verifier()).has_value());
  EXPECT_TRUE(verify_note(*parsed, witness_.verifier(KeyType::cosignature)).has_value());
}

TEST(KeyName, Rule) {
  EXPECT_TRUE(check_key_name("a").has_value());
  EXPECT_TRUE(check_key_name(std::string(255, 'a')).has_value());
  EXPECT_TRUE(check_key_name("!~").has_value());
  for (const std::string& name :
       {std::string(), std::string(256, 'a'), std::string("a b"), std::string("a+b"), std::string("\x7f"),
        std::string("\u00e9"), std::string("a\n"), std::string(1, '\0')}) {
    EXPECT_FALSE(check_key_name(name).has_value()) << name;
    EXPECT_FALSE(SigningKey::generate(name).has_value()) << name;
    EXPECT_FALSE(SigningKey::from_seed(name, zero_hash).has_value()) << name;
  }
}

TEST(VerifierKey, MalformedKeysAreRefused) {
  const std::string good = "witness.example/w1+e75f6532+BAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4";
  EXPECT_TRUE(VerifierKey::parse(good).has_value());
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(VerifierKey::parse(std::string_view(good).substr(0, size)).has_value()) << size;
  }
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string changed = good;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(VerifierKey::parse(changed).has_value()) << changed;
  }
  EXPECT_FALSE(VerifierKey::parse(good + " ").has_value());
  EXPECT_FALSE(
      VerifierKey::parse("witness.example/w1+E75F6532+BAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4").has_value());
}

TEST(SigningKey, PemRoundTrip) {
  const SigningKey key = SigningKey::generate("log.example").value();
  const std::string pem = key.to_pem().value();
  EXPECT_EQ(pem.substr(0, 27), "-----BEGIN PRIVATE KEY-----");
  const SigningKey again = SigningKey::from_pem("log.example", pem).value();
  EXPECT_EQ(again.verifier().format(), key.verifier().format());
  EXPECT_EQ(again.sign("text\n").signature, key.sign("text\n").signature);
  EXPECT_NE(SigningKey::generate("log.example").value().verifier().format(), key.verifier().format());
}

TEST(SigningKey, OtherPemsAreRefused) {
  // RFC 8410 section 10.3, the example key; the same under a passphrase; another curve (X25519).
  const std::string body = "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n";
  const std::string begin = "-----BEGIN PRIVATE KEY-----\n";
  const std::string end = "-----END PRIVATE KEY-----\n";
  ASSERT_TRUE(SigningKey::from_pem("k", begin + body + end).has_value());
  EXPECT_EQ(to_hex(SigningKey::from_pem("k", begin + body + end).value().verifier().public_key),
            "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1");
  const std::string encrypted =
      "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
      "MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAjmLkrkjudjewICCAAw\n"
      "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEAQIEEC40U902tmzk+0SezinpxpYEQEcp\n"
      "HeQFhto8OHEnE9yA8U8hf68TXnksx5KzrMgcunRWommcKCRPVwU2uEts5qWgQRhp\n"
      "Mtm9PAEFGkC2Dj1AUZA=\n"
      "-----END ENCRYPTED PRIVATE KEY-----\n";
  std::string x25519 = body;
  x25519.replace(x25519.find("K2Vw"), 4, "K2Vu");
  const std::string bad[] = {"",
                             "nonsense",
                             begin + end,
                             begin + x25519 + end,
                             begin + "!!!!\n" + end,
                             encrypted,
                             "-----BEGIN PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: "
                             "AES-128-CBC,00000000000000000000000000000000\n\n" +
                                 body + end};
  for (const std::string& pem : bad) {
    const Result<SigningKey> key = SigningKey::from_pem("k", pem);
    ASSERT_FALSE(key.has_value()) << pem;
    EXPECT_EQ(key.error().code, ErrorCode::invalid_argument);
  }
  EXPECT_FALSE(SigningKey::from_pem("a b", begin + body + end).has_value());
}

TEST(SigningKey, Rfc8032TestVector) {
  // RFC 8032 section 7.1, TEST 2.
  const Hash seed = hash_from_hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb").value();
  EXPECT_EQ(to_hex(SigningKey::from_seed("k", seed).value().sign("\x72").signature),
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
}

}  // namespace
}  // namespace vault
