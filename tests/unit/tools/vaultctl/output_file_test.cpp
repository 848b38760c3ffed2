#include "tools/vaultctl/output_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace vault::ctl {
namespace {

class OutputFileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string path = (std::filesystem::temp_directory_path() / "vault-output-XXXXXX").string();
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    directory_ = path;
    path_ = path + "/receipt.json";
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string content() const {
    std::ifstream in(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  long files() const {
    return std::distance(std::filesystem::directory_iterator(directory_), std::filesystem::directory_iterator());
  }

  std::string directory_, path_;
};

TEST_F(OutputFileTest, AppearsWhole) {
  auto output = OutputFile::open({.path = path_}, 0600);
  ASSERT_TRUE(output);
  EXPECT_FALSE(std::filesystem::exists(path_)) << "before it is written";
  ASSERT_TRUE(output->write("receipt"));
  EXPECT_EQ(content(), "receipt");
  struct stat info {};
  ASSERT_EQ(::stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  EXPECT_EQ(files(), 1);
}

TEST_F(OutputFileTest, LeavesNothingWhereNothingIsWritten) {
  { ASSERT_TRUE(OutputFile::open({.path = path_}, 0600)); }
  EXPECT_EQ(files(), 0);
}

TEST_F(OutputFileTest, RefusesWhatIsThere) {
  std::filesystem::create_symlink("nowhere", path_);
  const auto output = OutputFile::open({.path = path_}, 0600);
  ASSERT_FALSE(output);
  EXPECT_EQ(output.error().field, "output");
  std::filesystem::remove(path_);
  std::ofstream(path_) << "kept";
  EXPECT_FALSE(OutputFile::open({.path = path_}, 0600));
  EXPECT_EQ(content(), "kept");
}

TEST_F(OutputFileTest, NeverOverwritesWhatCameToBeMeanwhile) {
  auto output = OutputFile::open({.path = path_}, 0600);
  ASSERT_TRUE(output);
  std::ofstream(path_) << "another's";
  const Status written = output->write("receipt");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::internal);
  EXPECT_EQ(content(), "another's");
}

TEST_F(OutputFileTest, ReplacesWhereItIsForced) {
  std::ofstream(path_) << "old";
  auto output = OutputFile::open({.path = path_, .force = true}, 0600);
  ASSERT_TRUE(output);
  EXPECT_EQ(content(), "old") << "until the new one is whole";
  ASSERT_TRUE(output->write("new"));
  EXPECT_EQ(content(), "new");
  EXPECT_EQ(files(), 1);
}

TEST_F(OutputFileTest, WritesDevicesAsTheyAre) {
  auto output = OutputFile::open({.path = "/dev/full"}, 0600);
  ASSERT_TRUE(output);
  EXPECT_FALSE(output->write("receipt"));
}

}  // namespace
}  // namespace vault::ctl
