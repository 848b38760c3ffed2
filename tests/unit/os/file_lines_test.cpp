#include "os/file_lines.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>

namespace vault {
namespace {

// An unlinked file with this text.
UniqueFd file_of(const std::string& text) {
  std::string path = testing::TempDir() + "vault-lines-XXXXXX";
  UniqueFd file(::mkstemp(path.data()));
  EXPECT_TRUE(file);
  ::unlink(path.c_str());
  EXPECT_EQ(write_all(file.get(), text), 0);
  EXPECT_EQ(::lseek(file.get(), 0, SEEK_SET), 0);
  return file;
}

TEST(FileLines, OneAfterTheOther) {
  FileLines lines(file_of("a\r\n\n" + std::string(20, 'x') + "\nlast"), 10);
  auto line = lines.next();
  ASSERT_TRUE(line);
  EXPECT_EQ(line->bytes, "a");
  line = lines.next();
  ASSERT_TRUE(line);
  EXPECT_EQ(line->bytes, "");
  line = lines.next();
  ASSERT_TRUE(line);
  EXPECT_TRUE(line->too_long);
  line = lines.next();
  ASSERT_TRUE(line);
  EXPECT_EQ(line->bytes, "last");
  EXPECT_EQ(lines.number(), 4);
  EXPECT_FALSE(lines.next());
  EXPECT_EQ(lines.failure(), 0);
  EXPECT_EQ(lines.bytes_read(), 29U);
}

TEST(FileDescriptor, SaysWhoseFaultAnErrnoIs) {
  EXPECT_EQ(code_of_file_error(ENOENT), ErrorCode::not_found);
  EXPECT_EQ(code_of_file_error(EACCES), ErrorCode::forbidden);
  EXPECT_EQ(code_of_file_error(EISDIR), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of_file_error(ENOSPC), ErrorCode::internal);
}

}  // namespace
}  // namespace vault
