#include "ledger/proof_file.hpp"

#include <gtest/gtest.h>

#include "ledger/merkle_hash.hpp"
#include "ledger/sha256.hpp"
#include "tests/unit/ledger/memory_tiles.hpp"
#include "tests/unit/ledger/vector_file.hpp"

namespace vault {
namespace {

class ProofFileTest : public ::testing::Test {
 protected:
  nlohmann::json vectors_ = load_vectors("entries.json");
  VerifierKey key_ = VerifierKey::parse(vectors_["vkey"].get<std::string>()).value();
  std::string text_ = vectors_["tlog_proof_sequence_2"];
  ProofFile file_ = parse_proof_file(text_).value();
};

TEST_F(ProofFileTest, VectorChecksOutAndIsWrittenTheSame) {
  EXPECT_EQ(file_.extra, vectors_["entries"][1]["leaf_data"].get<std::string>());
  EXPECT_EQ(file_.index, 1u);
  EXPECT_EQ(file_.proof.size(), 2u);
  EXPECT_EQ(file_.checkpoint, vectors_["checkpoint"]);
  EXPECT_EQ(format_proof_file(file_), text_);
  const Result<Checkpoint> checkpoint = check_proof_file(file_, key_);
  ASSERT_TRUE(checkpoint.has_value());
  EXPECT_EQ(checkpoint->tree_size, 3);
  EXPECT_EQ(checkpoint->root, hex_hash(vectors_["entries"][2]["merkle_root"]));
}

TEST_F(ProofFileTest, ProofOfTheVectorIsMadeFromItsLeaves) {
  MemoryTiles tiles;
  for (const auto& entry : vectors_["entries"]) tiles.append(hash_leaf(entry["leaf_data"].get<std::string>()));
  TileNodeReader nodes(tiles, 3);
  EXPECT_EQ(prove_inclusion(nodes, 1, 3).value(), file_.proof);
}

TEST(ProofFile, TlogVector) {
  const nlohmann::json vectors = load_vectors("tlog.json");
  ProofFile file{std::nullopt, 2, base64_proof(vectors["inclusion_index_2"]), vectors["checkpoint"]};
  const std::string text = format_proof_file(file);
  EXPECT_EQ(to_hex(sha256(text)), vectors["tlog_proof_index_2_sha256"]);
  const ProofFile parsed = parse_proof_file(text).value();
  EXPECT_FALSE(parsed.extra.has_value());
  EXPECT_EQ(parsed.index, 2u);
  EXPECT_EQ(parsed.proof, file.proof);
  EXPECT_EQ(parsed.checkpoint, file.checkpoint);

  const VerifierKey key = VerifierKey::parse(vectors["log_vkey"].get<std::string>()).value();
  EXPECT_FALSE(check_proof_file(parsed, key).has_value()) << "no extra line, so nothing is proven of any leaf";
  file.extra = vectors["leaf_data"][2];
  EXPECT_TRUE(check_proof_file(file, key).has_value());
}

TEST_F(ProofFileTest, AnyChangeOfWhatIsProvenIsFound) {
  const auto refused = [this](auto change) {
    ProofFile changed = file_;
    change(changed);
    const Result<Checkpoint> checked = check_proof_file(changed, key_);
    return !checked.has_value() && checked.error().code == ErrorCode::invalid_argument;
  };
  EXPECT_FALSE(refused([](ProofFile&) {}));
  EXPECT_TRUE(refused([](ProofFile& f) { f.extra->back() ^= 1; }));
  EXPECT_TRUE(refused([](ProofFile& f) { f.extra.reset(); }));
  EXPECT_TRUE(refused([](ProofFile& f) { f.index = 0; }));
  EXPECT_TRUE(refused([](ProofFile& f) { f.index = 3; }));
  EXPECT_TRUE(refused([](ProofFile& f) { f.proof[1][0] ^= 1; }));
  EXPECT_TRUE(refused([](ProofFile& f) { f.proof.pop_back(); }));
  EXPECT_TRUE(refused([](ProofFile& f) { f.proof.push_back(zero_hash); }));
  EXPECT_TRUE(refused([](ProofFile& f) { f.checkpoint.replace(f.checkpoint.find("\n3\n"), 3, "\n4\n"); }));
}

TEST_F(ProofFileTest, EveryTruncationIsRefused) {
  for (std::size_t size = 0; size < text_.size(); ++size) {
    EXPECT_FALSE(parse_proof_file(std::string_view(text_).substr(0, size)).has_value()) << size;
  }
}

TEST_F(ProofFileTest, MalformedFilesNameTheLine) {
  const std::string magic = "c2sp.org/tlog-proof@v1\n";
  const std::string hash = "SApXX9NPjgAEOylJ6HF+uHYBugHlS5HZnLfmLeGNk1Q=\n";
  const std::string rest = "\n" + file_.checkpoint;
  std::string many;
  for (int i = 0; i < 64; ++i) many += hash;
  const std::pair<std::string, std::string> cases[] = {
      {"", "line 1:"},
      {"c2sp.org/tlog-proof@v2\nindex 0\n" + rest, "line 1:"},
      {" " + text_, "line 1:"},
      {"c2sp.org/tlog-proof@v1\r\nindex 0\n" + rest, "line 1:"},
      {magic + "extra \nindex 0\n" + rest, "line 2:"},
      {magic + "extra YQ\nindex 0\n" + rest, "line 2:"},
      {magic + "extra YR==\nindex 0\n" + rest, "line 2:"},
      {magic + "extra  YQ==\nindex 0\n" + rest, "line 2:"},
      {magic + "extra YQ==\nextra YQ==\nindex 0\n" + rest, "line 3:"},
      {magic + "index 0\nextra YQ==\n" + rest, "line 3:"},
      {magic + rest, "line 2:"},
      {magic + "index\n" + rest, "line 2:"},
      {magic + "index \n" + rest, "line 2:"},
      {magic + "index 00\n" + rest, "line 2:"},
      {magic + "index -1\n" + rest, "line 2:"},
      {magic + "index 18446744073709551616\n" + rest, "line 2:"},
      {magic + "index 0\n" + hash.substr(0, 40) + "\n" + rest, "line 3:"},
      {magic + "index 0\n" + hash + " " + hash + rest, "line 4:"},
      {magic + "index 0\n" + many + rest, "line 66:"},
      {magic + "index 0\n" + hash, "line 4:"},
      {magic + "index 0\n\n" + rest, "checkpoint (from line 4)"},
      {magic + "index 0\n" + rest + "x", "checkpoint (from line 4)"},
      {magic + "index 0\n" + rest + "\n", "checkpoint (from line 4)"},
  };
  for (const auto& [text, start] : cases) {
    const Result<ProofFile> parsed = parse_proof_file(text);
    ASSERT_FALSE(parsed.has_value()) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(parsed.error().message.substr(0, start.size()), start) << text;
  }
  EXPECT_TRUE(parse_proof_file(magic + "index 0\n" + many.substr(hash.size()) + rest).has_value()) << "63 hashes";
  EXPECT_TRUE(parse_proof_file(magic + "index 0\n" + rest).has_value()) << "none";
}

}  // namespace
}  // namespace vault
