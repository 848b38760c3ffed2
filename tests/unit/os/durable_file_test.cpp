#include "os/durable_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace vault {
namespace {

class DurableFileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string path = (std::filesystem::temp_directory_path() / "vault-durable-XXXXXX").string();
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    directory_ = path;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string content(const std::string& name) const {
    std::ifstream in(directory_ + "/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  std::string directory_;
};

TEST_F(DurableFileTest, MakesAndReplaces) {
  const std::string path = directory_ + "/checkpoint";
  ASSERT_TRUE(write_file_durably(path, "one, and longer than the next", 0600));
  EXPECT_EQ(content("checkpoint"), "one, and longer than the next");
  ASSERT_TRUE(write_file_durably(path, "two", 0644));
  EXPECT_EQ(content("checkpoint"), "two");
  struct stat info {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0644U) << "whatever the umask is";
  EXPECT_FALSE(std::filesystem::exists(path + ".new"));
}

TEST_F(DurableFileTest, SaysWhichFileItCannotWrite) {
  const auto written = write_file_durably(directory_ + "/none/checkpoint", "x", 0600);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::internal);
  EXPECT_NE(written.error().message.find(directory_ + "/none/checkpoint"), std::string::npos);
}

TEST_F(DurableFileTest, KeepsWhatWasThereWhereItCannotTakeItsPlace) {
  const std::string path = directory_ + "/checkpoint";
  std::filesystem::create_directory(path);  // rename() does not replace a directory by a file
  EXPECT_FALSE(write_file_durably(path, "x", 0600));
  EXPECT_TRUE(std::filesystem::is_directory(path));
}

TEST_F(DurableFileTest, MakesDirectoriesWithTheirParents) {
  EXPECT_EQ(make_durable_directory(directory_ + "/a/b/c", 0700), 0);
  EXPECT_TRUE(std::filesystem::is_directory(directory_ + "/a/b/c"));
  EXPECT_EQ(make_durable_directory(directory_ + "/a/b/c", 0700), 0) << "it is there";
  std::ofstream(directory_ + "/file") << "x";
  EXPECT_EQ(make_durable_directory(directory_ + "/file/d", 0700), ENOTDIR);
  EXPECT_EQ(sync_directory(directory_), 0);
  EXPECT_EQ(sync_directory(directory_ + "/none"), ENOENT);
}

}  // namespace
}  // namespace vault
