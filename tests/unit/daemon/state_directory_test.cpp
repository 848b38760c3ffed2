#include "daemon/state_directory.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <memory>
#include <string>

#include "ledger/sha256.hpp"
#include "tests/support/temporary_directory.hpp"

namespace vault {
namespace {

namespace fs = std::filesystem;

constexpr const char* origin = "example.org/state";

class StateDirectoryTest : public testing::Test {
 protected:
  std::unique_ptr<StateDirectory> open(const std::string& key_file = {}) const {
    auto state = StateDirectory::open(path_, key_file);
    EXPECT_TRUE(state) << state.error().message;
    return state ? std::move(*state) : nullptr;
  }
  mode_t mode_of(const std::string& name) const {
    struct stat info {};
    EXPECT_EQ(::stat((path_ + "/" + name).c_str(), &info), 0) << name;
    return info.st_mode & 0777U;
  }

  TemporaryDirectory root_;
  const std::string path_ = root_ / "above/state";  // neither is there yet
};

TEST_F(StateDirectoryTest, TheInstanceStaysTheSame) {
  const std::string first = open()->instance();
  EXPECT_TRUE(parse_uuid(first)) << first;
  EXPECT_EQ(open()->instance(), first);
  fs::remove_all(path_);
  EXPECT_NE(open()->instance(), first);
}

TEST_F(StateDirectoryTest, OneVaultdAtATime) {
  auto state = open();
  const auto second = StateDirectory::open(path_, "");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::invalid_argument);
  EXPECT_NE(second.error().message.find("in use by another vaultd"), std::string::npos) << second.error().message;
  state.reset();
  EXPECT_TRUE(StateDirectory::open(path_, ""));
}

TEST_F(StateDirectoryTest, APathThatLeadsNowhereIsAWrongSetting) {
  root_.write("file", "x");
  const auto state = StateDirectory::open(root_ / "file/state", "");
  ASSERT_FALSE(state);
  EXPECT_EQ(state.error().code, ErrorCode::invalid_argument);
  EXPECT_TRUE(state.error().message.starts_with("state_dir: ")) << state.error().message;
}

TEST_F(StateDirectoryTest, TheKeyIsMadeOnceAndForItsOwnerAlone) {
  auto state = open();
  const auto refused = state->load_key(origin, false);
  ASSERT_FALSE(refused) << "this ledger was signed with another key";
  EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
  const auto made = state->load_key(origin, true);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(mode_of("signing.pem"), 0600U);
  state.reset();
  const auto loaded = open()->load_key(origin, false);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->verifier().format(), made->verifier().format());
}

TEST_F(StateDirectoryTest, AKeyThatWasNamedIsNotMade) {
  const auto key = open(root_ / "none.pem")->load_key(origin, true);
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().code, ErrorCode::invalid_argument);
  EXPECT_FALSE(fs::exists(root_ / "none.pem"));
  EXPECT_FALSE(fs::exists(path_ + "/signing.pem"));
}

TEST_F(StateDirectoryTest, AKeyThatOthersReadIsRefused) {
  ASSERT_TRUE(open()->load_key(origin, true));
  fs::permissions(path_ + "/signing.pem", fs::perms(0644));
  const auto key = open()->load_key(origin, true);
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().code, ErrorCode::invalid_argument);
}

TEST_F(StateDirectoryTest, TheCheckpointIsReplacedAsAWhole) {
  auto state = open();
  EXPECT_EQ(state->load_checkpoint().value(), std::nullopt);
  ASSERT_TRUE(state->save_checkpoint("first, and longer than the second"));
  root_.write("above/state/checkpoint.new", "what a crash left, and longer than anything else");
  ASSERT_TRUE(state->save_checkpoint("second"));
  EXPECT_FALSE(fs::exists(path_ + "/checkpoint.new"));
  state.reset();
  EXPECT_EQ(open()->load_checkpoint().value(), "second");
}

// Without the promise nothing may be signed: a file that is there and cannot be read is not "no checkpoint yet".
TEST_F(StateDirectoryTest, ACheckpointThatCannotBeReadIsAnError) {
  auto state = open();
  const std::string path = path_ + "/checkpoint";
  fs::create_directory(path);
  auto loaded = state->load_checkpoint();
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, ErrorCode::internal);
  EXPECT_NE(loaded.error().message.find(path), std::string::npos) << loaded.error().message;
  EXPECT_FALSE(state->save_checkpoint("x"));
  fs::remove(path);
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_FALSE(state->load_checkpoint()) << "and nobody waits for a writer";
}

TEST_F(StateDirectoryTest, ContradictionsAreKeptBesideEachOther) {
  auto state = open();
  EXPECT_TRUE(state->load_evidence().value().empty());
  ASSERT_TRUE(state->keep_evidence("one"));
  ASSERT_TRUE(state->keep_evidence("two"));
  ASSERT_TRUE(state->keep_evidence("one"));
  root_.write("above/state/contradictions/" + to_hex(sha256(std::string("three"))) + ".note.new", "thr");
  auto notes = state->load_evidence().value();
  std::sort(notes.begin(), notes.end());
  EXPECT_EQ(notes, (std::vector<std::string>{"one", "two"})) << "what a crash left unfinished does not count";
  EXPECT_EQ(root_.read("above/state/contradictions/" + to_hex(sha256(std::string("one"))) + ".note"), "one");
}

TEST_F(StateDirectoryTest, TheHeadLastToldIsWrittenInPlace) {
  auto state = open();
  EXPECT_EQ(state->load_told().value(), std::nullopt);
  ASSERT_TRUE(state->save_told("origin\n1000\nroot\n", true));
  const auto size = fs::file_size(path_ + "/told");
  ASSERT_TRUE(state->save_told("origin\n9\nr\n", false));
  EXPECT_EQ(fs::file_size(path_ + "/told"), size) << "one write, of one length";
  EXPECT_EQ(state->load_told().value(), "origin\n9\nr\n");
  EXPECT_FALSE(state->save_told(std::string(size + 1, 'x'), true));
  EXPECT_EQ(state->load_told().value(), "origin\n9\nr\n");
}

}  // namespace
}  // namespace vault
