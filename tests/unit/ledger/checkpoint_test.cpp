#include "ledger/checkpoint.hpp"

#include <gtest/gtest.h>

#include "ledger/merkle_hash.hpp"
#include "tests/unit/ledger/vector_file.hpp"

namespace vault {
namespace {

const std::string root_text = "rKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=";
const std::string empty_text = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

SigningKey make_key(const std::string& name) {
  return SigningKey::from_seed(name, Hash{1, 2, 3}).value();
}

TEST(Checkpoint, TlogVector) {
  const nlohmann::json vectors = load_vectors("tlog.json");
  const VerifierKey log = VerifierKey::parse(vectors["log_vkey"].get<std::string>()).value();
  const Result<Checkpoint> opened = open_checkpoint(vectors["checkpoint"].get<std::string>(), log);
  ASSERT_TRUE(opened.has_value());
  EXPECT_EQ(opened->origin, vectors["origin"]);
  EXPECT_EQ(opened->tree_size, 15);
  EXPECT_EQ(to_base64(as_view(opened->root)), root_text);
  EXPECT_EQ(peek_checkpoint(vectors["checkpoint"].get<std::string>()).value(), *opened);
}

TEST(Checkpoint, EntriesVectorIsSignedTheSame) {
  const nlohmann::json vectors = load_vectors("entries.json");
  const VerifierKey vkey = VerifierKey::parse(vectors["vkey"].get<std::string>()).value();
  const SigningKey key = SigningKey::from_seed(vkey.name, hex_hash(vectors["signing_seed_hex"])).value();
  const Checkpoint checkpoint{vkey.name, 3, hex_hash(vectors["entries"][2]["merkle_root"])};
  EXPECT_EQ(sign_checkpoint(checkpoint, key), vectors["checkpoint"]);
  EXPECT_EQ(open_checkpoint(vectors["checkpoint"].get<std::string>(), vkey).value(), checkpoint);
}

TEST(Checkpoint, FormatIsAFixedPoint) {
  for (const std::string& text :
       {"a\n0\n" + empty_text + "\n", "example.com/log\n9223372036854775807\n" + root_text + "\n"}) {
    const Result<Checkpoint> parsed = parse_checkpoint(text);
    ASSERT_TRUE(parsed.has_value()) << text;
    EXPECT_EQ(format_checkpoint(*parsed), text);
  }
}

TEST(Checkpoint, MalformedTextsNameTheLine) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "line 1"},
      {"origin", "line 1"},
      {"\n1\n" + root_text + "\n", "line 1"},
      {"or igin\n1\n" + root_text + "\n", "line 1"},
      {"or+igin\n1\n" + root_text + "\n", "line 1"},
      {"or\xc3\xa9gin\n1\n" + root_text + "\n", "line 1"},
      {std::string(256, 'o') + "\n1\n" + root_text + "\n", "line 1"},
      {"origin\n", "line 2"},
      {"origin\n\n" + root_text + "\n", "line 2"},
      {"origin\n01\n" + root_text + "\n", "line 2"},
      {"origin\n-1\n" + root_text + "\n", "line 2"},
      {"origin\n+1\n" + root_text + "\n", "line 2"},
      {"origin\n1 \n" + root_text + "\n", "line 2"},
      {"origin\n0x1\n" + root_text + "\n", "line 2"},
      {"origin\n9223372036854775808\n" + root_text + "\n", "line 2"},
      {"origin\n18446744073709551616\n" + root_text + "\n", "line 2"},
      {"origin\n1\n", "line 3"},
      {"origin\n1\n" + root_text, "line 3"},
      {"origin\n1\n\n", "line 3"},
      {"origin\n1\n" + root_text.substr(0, 43) + "\n", "line 3"},
      {"origin\n1\nrKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383ct=\n", "line 3"},  // unused bits set
      {"origin\n1\nAAAA\n", "line 3"},
      {"origin\n0\n" + root_text + "\n", "line 3"},
      {"origin\n1\n" + root_text + "\nextension\n", "line 4"},
      {"origin\n1\n" + root_text + "\n\n", "line 4"},
      {"origin\n1\n" + root_text + "\nx", "line 4"},
  };
  for (const auto& [text, line] : cases) {
    const Result<Checkpoint> parsed = parse_checkpoint(text);
    ASSERT_FALSE(parsed.has_value()) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(parsed.error().message.substr(0, 6), line) << text;
  }
}

TEST(Checkpoint, OpensOnlyUnderTheKeyOfItsOrigin) {
  const SigningKey key = make_key("log.example/one");
  const std::string note = sign_checkpoint({"log.example/one", 0, empty_root()}, key);
  EXPECT_TRUE(open_checkpoint(note, key.verifier()).has_value());
  EXPECT_FALSE(open_checkpoint(note, make_key("log.example/two").verifier()).has_value());
  EXPECT_FALSE(open_checkpoint(note, SigningKey::generate("log.example/one").value().verifier()).has_value());
  EXPECT_FALSE(open_checkpoint(note, key.verifier(KeyType::cosignature)).has_value());
}

TEST(Checkpoint, AKeySpeaksForItsOwnOriginOnly) {
  const SigningKey key = make_key("log.example/one");
  SignedNote note{format_checkpoint({"log.example/two", 0, empty_root()}), {}};
  note.signatures.push_back(key.sign(note.text));
  EXPECT_TRUE(verify_note(note, key.verifier()).has_value());
  const Result<Checkpoint> opened = open_checkpoint(format_note(note), key.verifier());
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().message.substr(0, 6), "line 1");
}

TEST(Checkpoint, ACosignatureAloneOpensNothing) {
  const SigningKey key = make_key("log.example/one");
  SignedNote note{format_checkpoint({"log.example/one", 0, empty_root()}), {}};
  note.signatures.push_back(key.cosign(note.text, 1));
  EXPECT_FALSE(open_checkpoint(format_note(note), key.verifier()).has_value());
  EXPECT_FALSE(open_checkpoint(format_note(note), key.verifier(KeyType::cosignature)).has_value());
}

TEST(CheckpointDeathTest, SignsItsOwnOriginOnly) {
  EXPECT_DEATH(sign_checkpoint({"log.example/two", 0, empty_root()}, make_key("log.example/one")), "CHECK failed");
}

}  // namespace
}  // namespace vault
