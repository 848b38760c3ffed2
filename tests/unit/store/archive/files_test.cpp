#include "store/archive/files.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "tests/support/temporary_directory.hpp"

namespace vault {
namespace {

namespace fs = std::filesystem;
using Readers = ArchiveWriter::Readers;

class ArchiveFiles : public testing::Test {
 protected:
  std::string content(const std::string& name) const { return root_.read("archive/" + name); }
  ino_t inode(const std::string& name) const {
    struct stat info {};
    EXPECT_EQ(::stat((path_ + "/" + name).c_str(), &info), 0) << name;
    return info.st_ino;
  }
  std::vector<std::string> names() const {
    std::vector<std::string> found;
    const auto directory = ArchiveDirectory::open(path_);
    EXPECT_TRUE(directory->walk([&](const std::string& path, bool) { found.push_back(path); }));
    std::sort(found.begin(), found.end());
    return found;
  }

  TemporaryDirectory root_;
  const std::string path_ = root_ / "archive";
};

TEST_F(ArchiveFiles, AppearUnderTheirNamesWhenSynced) {
  auto writer = ArchiveWriter::open(path_ + "/", Readers::group);
  ASSERT_TRUE(writer.has_value()) << writer.error().message;
  ASSERT_TRUE(writer->put("tile/0/x001/000", "hashes"));
  EXPECT_FALSE(writer->directory().has("tile/0/x001/000"));
  ASSERT_TRUE(writer->sync());
  EXPECT_EQ(content("tile/0/x001/000"), "hashes");
  ASSERT_TRUE(writer->put("tile/0/000", "more"));
  ASSERT_TRUE(writer->put_last("checkpoint", "note"));
  EXPECT_EQ(names(), (std::vector<std::string>{"checkpoint", "tile/0/000", "tile/0/x001/000"}));
  EXPECT_FALSE(fs::exists(path_ + "/.unfinished"));
  EXPECT_EQ(writer->files_written(), 3u);
}

TEST_F(ArchiveFiles, ManyAreMadeDurableTogether) {
  auto writer = ArchiveWriter::open(path_, Readers::everyone);
  for (int i = 0; i < 500; ++i) ASSERT_TRUE(writer->put("tile/0/" + std::to_string(i), std::to_string(i)));
  ASSERT_TRUE(writer->sync());
  EXPECT_EQ(names().size(), 500u);
  EXPECT_EQ(content("tile/0/499"), "499");
}

TEST_F(ArchiveFiles, WhatIsThereAlreadyIsNotWrittenAgain) {
  {
    auto writer = ArchiveWriter::open(path_, Readers::group);
    ASSERT_TRUE(writer->put_last("a/b", "content"));
  }
  const ino_t before = inode("a/b");
  auto writer = ArchiveWriter::open(path_, Readers::group);
  ASSERT_TRUE(writer->put("a/b", "content") && writer->put_unchanging("a/b", "content") && writer->sync());
  EXPECT_EQ(inode("a/b"), before);
  EXPECT_EQ(writer->files_written(), 0u);
  for (const char* other : {"", "other", "content and more"}) {
    const Status refused = writer->put_unchanging("a/b", other);
    ASSERT_FALSE(refused) << other;
    EXPECT_EQ(refused.error().code, ErrorCode::internal);
    EXPECT_NE(refused.error().message.find("a/b"), std::string::npos);
  }
  ASSERT_TRUE(writer->put("a/b", "content and more") && writer->sync());
  EXPECT_EQ(content("a/b"), "content and more");
}

TEST_F(ArchiveFiles, InPiecesOfAnySize) {
  auto writer = ArchiveWriter::open(path_, Readers::group);
  const std::string piece(700'000, 'x');
  for (const int pieces : {0, 1, 20}) {
    const std::string name = "data/" + std::to_string(pieces);
    ASSERT_TRUE(writer->begin(name));
    std::string whole;
    for (int i = 0; i < pieces; ++i) {
      const std::string numbered = piece + std::to_string(i);
      ASSERT_TRUE(writer->append(numbered));
      whole += numbered;
    }
    ASSERT_TRUE(writer->finish() && writer->sync());
    EXPECT_EQ(content(name), whole);
    auto file = writer->directory().open_file(name);
    std::string read;
    while (*(*file)->read_more(read)) {
    }
    EXPECT_EQ(read, whole);
  }
}

TEST_F(ArchiveFiles, ARunThatWasCutShortLeavesNothingHalf) {
  {
    auto writer = ArchiveWriter::open(path_, Readers::group);
    ASSERT_TRUE(writer->put("tile/0/000", "lost"));
    ASSERT_TRUE(writer->begin("tile/data/000") && writer->append(std::string(5 << 20, 'x')));
  }
  EXPECT_EQ(names(), (std::vector<std::string>{".unfinished/1", ".unfinished/2"}));
  auto writer = ArchiveWriter::open(path_, Readers::group);
  EXPECT_EQ(names(), (std::vector<std::string>{}));
  EXPECT_FALSE(fs::exists(path_ + "/.unfinished"));
}

TEST_F(ArchiveFiles, OneWriterAtATime) {
  auto writer = ArchiveWriter::open(path_, Readers::group);
  ASSERT_TRUE(writer.has_value());
  const auto second = ArchiveWriter::open(path_, Readers::group);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::busy);
}

TEST_F(ArchiveFiles, Modes) {
  ::umask(022);
  for (const auto& [readers, file, directory] :
       {std::tuple{Readers::group, 0640u, 0750u}, {Readers::everyone, 0644u, 0755u}}) {
    fs::remove_all(path_);
    auto writer = ArchiveWriter::open(path_, readers);
    ASSERT_TRUE(writer->put_last("a/b", ""));
    struct stat info {};
    ::stat((path_ + "/a/b").c_str(), &info);
    EXPECT_EQ(info.st_mode & 0777, file);
    ::stat((path_ + "/a").c_str(), &info);
    EXPECT_EQ(info.st_mode & 0777, directory);
  }
}

TEST_F(ArchiveFiles, Reading) {
  EXPECT_EQ(ArchiveDirectory::open(path_).error().code, ErrorCode::invalid_argument);
  {
    auto writer = ArchiveWriter::open(path_, Readers::group);
    ASSERT_TRUE(writer->put_last("a/b", "content"));
  }
  const auto directory = ArchiveDirectory::open(path_);
  EXPECT_EQ(*directory->read("a/b", 7), "content");
  EXPECT_FALSE(directory->read("a/b", 6).has_value());  // larger than it may be
  EXPECT_EQ(*directory->read("a/c", 7), std::nullopt);
  EXPECT_FALSE(directory->read("a", 7).has_value());  // no file
  fs::create_symlink("b", path_ + "/a/link");
  EXPECT_FALSE(directory->read("a/link", 7).has_value());
  EXPECT_TRUE(directory->has("a") && !directory->has("c"));
  EXPECT_EQ(names(), (std::vector<std::string>{"a/b", "a/link"}));
}

}  // namespace
}  // namespace vault
