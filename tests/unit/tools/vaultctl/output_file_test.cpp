#include "tools/vaultctl/output_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/temporary_directory.hpp"

namespace vault::ctl {
namespace {

class OutputFileTest : public testing::Test {
 protected:
  std::string content() const { return root_.read("receipt.json"); }
  long files() const { return root_.entries(); }

  TemporaryDirectory root_;
  const std::string path_ = root_ / "receipt.json";
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
