#include "os/durable_file.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <utility>

#include "tests/support/temporary_directory.hpp"

namespace vault {
namespace {

class DurableFileTest : public testing::Test {
 protected:
  std::string content(const std::string& name) const { return root_.read(name); }

  TemporaryDirectory root_;
  const std::string& directory_ = root_.path();
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

TEST_F(DurableFileTest, APendingFileIsRemovedUnlessItIsPublished) {
  const std::string path = directory_ + "/receipt";
  {
    auto file = PendingFile::create(path, 0600, PendingFile::Name::unique);
    ASSERT_TRUE(file);
    EXPECT_EQ(file->write("half"), 0);
    const PendingFile moved = std::move(*file);
    EXPECT_TRUE(std::filesystem::exists(moved.name()));
  }
  EXPECT_TRUE(std::filesystem::is_empty(directory_));
}

TEST_F(DurableFileTest, AFileThatCameToBeMeanwhileIsNotReplaced) {
  const std::string path = directory_ + "/receipt";
  auto first = PendingFile::create(path, 0600, PendingFile::Name::unique);
  auto second = PendingFile::create(path, 0600, PendingFile::Name::unique);
  ASSERT_TRUE(first && second) << "each has a name of its own";
  EXPECT_EQ(first->write("first"), 0);
  EXPECT_EQ(second->write("second"), 0);
  ASSERT_TRUE(first->publish(PendingFile::Existing::keep));
  const auto published = second->publish(PendingFile::Existing::keep);
  ASSERT_FALSE(published);
  EXPECT_EQ(published.error().step, PublishFailure::Step::name);
  EXPECT_EQ(published.error().error, EEXIST);
  EXPECT_EQ(content("receipt"), "first");
}

// NFS cannot rename without replacing: here the kernel is told to answer as it would there.
void refuse_renameat2() {
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_renameat2, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{static_cast<unsigned short>(std::size(code)), code};
  ASSERT_EQ(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  ASSERT_EQ(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

TEST_F(DurableFileTest, WhereItCannotRenameSoItLinks) {
  for (const char* name : {"a", "b", "there"}) std::ofstream(directory_ + "/" + name) << name;
  const UniqueFd directory(::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  int first = 0, second = 0;
  std::thread([&] {  // the filter ends with the thread
    refuse_renameat2();
    first = rename_to_new_name(directory.get(), "a", "new");
    second = rename_to_new_name(directory.get(), "b", "there");
  })
      .join();
  EXPECT_EQ(first, 0);
  EXPECT_EQ(content("new"), "a");
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/a"));
  EXPECT_EQ(second, EEXIST);
  EXPECT_EQ(content("there"), "there");
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
