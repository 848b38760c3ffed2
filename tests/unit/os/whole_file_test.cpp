#include "os/whole_file.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "os/file_descriptor.hpp"
#include "tests/support/temporary_directory.hpp"

namespace vault {
namespace {

class WholeFileTest : public testing::Test {
 protected:
  std::string file_of(const std::string& bytes, mode_t mode = 0600) const {
    const std::string path = directory_ + "/file";
    const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    EXPECT_EQ(write_all(file.get(), bytes), 0);
    EXPECT_EQ(::fchmod(file.get(), mode), 0);
    return path;
  }

  TemporaryDirectory root_;
  const std::string& directory_ = root_.path();
};

TEST_F(WholeFileTest, ReadsUpToALimit) {
  const std::string path = file_of("0123456789", 0640);
  const auto file = read_whole_file(path, 10);
  ASSERT_TRUE(file);
  EXPECT_EQ(file->bytes, "0123456789");
  EXPECT_EQ(file->mode, 0640U);
  EXPECT_EQ(file->owner, ::geteuid());
  const auto too_large = read_whole_file(path, 9);
  ASSERT_FALSE(too_large);
  EXPECT_EQ(too_large.error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(too_large.error().message, path + ": has more than 9 bytes");
}

TEST_F(WholeFileTest, ReadsMoreThanAPieceAndNothingAtAll) {
  const std::string large(1'000'000, 'x');
  EXPECT_EQ(read_whole_file(file_of(large), large.size()).value().bytes, large);
  EXPECT_EQ(read_whole_file(file_of(""), 0).value().bytes, "");
}

TEST_F(WholeFileTest, RefusesWhatIsNoFileWithoutReadingIt) {
  const std::string fifo = directory_ + "/fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  for (const std::string& path : {fifo, std::string("/dev/zero"), directory_}) {
    const auto file = read_whole_file(path, 1'000);
    ASSERT_FALSE(file) << path;
    EXPECT_EQ(file.error().code, ErrorCode::invalid_argument) << path;
    EXPECT_TRUE(file.error().message.starts_with(path + ": ")) << file.error().message;
  }
  EXPECT_EQ(read_whole_file(directory_ + "/none", 1).error().code, ErrorCode::not_found);
}

TEST_F(WholeFileTest, ReadsPipesToTheirEnd) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd from(ends[0]);
  UniqueFd to(ends[1]);
  ASSERT_EQ(write_all(to.get(), "0123456789"), 0);
  std::string text = "> ";
  EXPECT_EQ(read_to_end(from.get(), 9, text), EFBIG);
  text = "> ";
  ASSERT_EQ(write_all(to.get(), "abc"), 0);
  to = UniqueFd();
  EXPECT_EQ(read_to_end(from.get(), 3, text), 0);
  EXPECT_EQ(text, "> abc");
}

}  // namespace
}  // namespace vault
