// Archives written and checked without a database, over more than one tile of level 1.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "ledger/data_bundle.hpp"
#include "store/archive/check.hpp"
#include "store/archive/write.hpp"
#include "tests/unit/ledger/row_fixture.hpp"

namespace vault {
namespace {

namespace fs = std::filesystem;

constexpr int entries_max = 66'300;  // 259 tiles of level 0, one full of level 1, a partial one of level 2

const SigningKey& log_key() {
  static const SigningKey key = *SigningKey::from_seed("archive.example/log", Hash{7});
  return key;
}

const std::vector<Entry>& all_entries() {
  static const std::vector<Entry> entries = [] {
    LedgerState state;
    return make_entries(entries_max, state);
  }();
  return entries;
}

// The first `size` entries; rows can be tampered with in transit.
class MemorySource final : public ArchiveSource {
 public:
  Result<std::optional<ArchiveTarget>> target(std::optional<Timestamp>) override {
    const Checkpoint checkpoint{log_key().name(), static_cast<std::int64_t>(size), root(size)};
    return ArchiveTarget{checkpoint, sign_checkpoint(checkpoint, log_key()), log_key().verifier()};
  }
  Status rows(std::int64_t from, std::int64_t to, const std::function<bool(const RowView&)>& row) override {
    rows_read = 0;
    for (std::int64_t sequence = from; sequence <= to; ++sequence) {
      StoredRow stored = StoredRow::from(all_entries()[static_cast<std::size_t>(sequence - 1)]);
      if (tamper) tamper(stored);
      ++rows_read;
      if (!row(stored.view())) return {};
    }
    return {};
  }
  Result<Hash> root_at(std::uint64_t at) override { return root(at); }

  static Hash root(std::uint64_t at) { return at == 0 ? empty_head().merkle_root : all_entries()[at - 1].merkle_root; }

  std::uint64_t size = 0;
  std::int64_t rows_read = 0;
  std::function<void(StoredRow&)> tamper;
};

class Archive : public testing::Test {
 protected:
  Archive() {
    std::string pattern = (fs::temp_directory_path() / "vault-archive-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~Archive() override { fs::remove_all(path_); }

  Result<ArchiveResult> write(std::uint64_t size, bool payloads = true) {
    source_.size = size;
    return write_archive(source_, {path_, payloads, std::nullopt}, nullptr);
  }
  ArchiveReport check(const ArchiveSink& sink = nullptr) const {
    const auto directory = ArchiveDirectory::open(path_);
    auto report = check_archive(*directory, log_key().verifier(), sink, nullptr);
    EXPECT_TRUE(report.has_value());
    return std::move(*report);
  }
  // Changes one byte of a file during its lifetime.
  class Flip {
   public:
    Flip(const std::string& path, std::streamoff at) : path_(path), at_(at) { flip(); }
    ~Flip() { flip(); }

   private:
    void flip() const {
      std::fstream file(path_, std::ios::binary | std::ios::in | std::ios::out);
      ASSERT_TRUE(file.is_open()) << path_;
      file.seekg(at_);
      const char byte = static_cast<char>(file.get() ^ 4);
      file.seekp(at_);
      file.put(byte);
    }
    std::string path_;
    std::streamoff at_;
  };

  std::string read_file(const std::string& file) const {
    std::ifstream in(path_ + "/" + file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void write_file(const std::string& file, const std::string& content) const {
    std::ofstream(path_ + "/" + file, std::ios::binary) << content;
  }
  // A data bundle whose record `at` is empty.
  static std::string without_record(std::string_view bundle, int at) {
    std::string out;
    for (int i = 0; !bundle.empty(); ++i) {
      const auto record = *take_data_record(bundle);
      append_data_record(i == at ? std::nullopt : record->salt, record->seal_data, out);
    }
    return out;
  }

  // The check by somebody for whom files of mode 0 are closed, as they are for everybody but root.
  Result<ArchiveReport> check_as_nobody(const ArchiveSink& sink = nullptr) const {
    constexpr uid_t nobody = 65'534;
    const bool root = ::geteuid() == 0;
    if (root && ::seteuid(nobody) != 0) return fail(ErrorCode::internal, "cannot become nobody");
    const auto directory = ArchiveDirectory::open(path_);
    auto report = directory ? check_archive(*directory, log_key().verifier(), sink, nullptr)
                            : Result<ArchiveReport>(tl::unexpected(directory.error()));
    if (root && ::seteuid(0) != 0) return fail(ErrorCode::internal, "cannot become root again");
    return report;
  }
  void open_to_everybody() const {
    fs::permissions(path_, fs::perms(0755));
    for (const auto& one : fs::recursive_directory_iterator(path_))
      fs::permissions(one.path(), fs::perms(one.is_directory() ? 0755 : 0644));
  }

  std::string path_;
  MemorySource source_;
};

TEST_F(Archive, GrowsOverEveryKindOfEdge) {
  std::uint64_t before = 0;
  for (const std::uint64_t size : {0, 1, 255, 256, 257, 511, 512, 65'535, 65'536, 65'537, entries_max}) {
    const auto written = write(size);
    ASSERT_TRUE(written.has_value()) << size << ": " << written.error().message;
    EXPECT_EQ(written->previous_size, before);
    EXPECT_EQ(written->entries_written, size - before);
    // From the beginning of the archive's last bundle on.
    EXPECT_EQ(source_.rows_read, static_cast<std::int64_t>(size - before / 256 * 256));
    const ArchiveReport report = check();
    EXPECT_TRUE(report.valid()) << size << ": " << (report.bad.empty() ? "" : report.bad[0].file + report.bad[0].what);
    EXPECT_EQ(report.checked, size);
    EXPECT_TRUE(report.unknown.empty());
    before = size;
  }
}

TEST_F(Archive, HandsOnWhatWasArchived) {
  ASSERT_TRUE(write(66'000).has_value());
  std::size_t next = 0, tiles = 0;
  const ArchiveReport report = check([&](Entry&& entry, const std::vector<Tile>& finished) {
    EXPECT_EQ(entry, all_entries()[next]);
    EXPECT_TRUE(finished.empty() || entry.sequence % 256 == 0);
    tiles += finished.size();
    ++next;
    return Status{};
  });
  EXPECT_TRUE(report.valid());
  EXPECT_EQ(next, 66'000u);
  EXPECT_EQ(tiles, 257u + 1u);
}

TEST_F(Archive, TheFileThatIsBadIsNamed) {
  ASSERT_TRUE(write(entries_max).has_value());
  for (const char* file : {"tile/0/000", "tile/0/255", "tile/0/256", "tile/1/000", "tile/1/001.p/2", "tile/2/000.p/1",
                           "tile/entries/000", "tile/entries/200", "tile/entries/258.p/252", "tile/data/123",
                           "tile/0/258.p/252", "tile/data/258.p/252", "checkpoint"}) {
    const Flip flip(path_ + "/" + file, 21);
    const ArchiveReport report = check();
    ASSERT_EQ(report.bad.size(), 1u) << file;
    EXPECT_EQ(report.bad[0].file, file);
    EXPECT_TRUE(report.missing.empty());
    // Nothing bad is passed on as good.
    std::size_t taken = 0;
    EXPECT_FALSE(check([&](Entry&& entry, const std::vector<Tile>&) {
                   EXPECT_EQ(entry, all_entries()[taken++]);
                   return Status{};
                 }).valid());
  }
  EXPECT_TRUE(check().valid());
}

TEST_F(Archive, AFileThatCannotBeReadIsNoFinding) {
  ASSERT_TRUE(write(300).has_value());
  ASSERT_TRUE(write(310).has_value());
  open_to_everybody();
  ASSERT_TRUE(check_as_nobody().value().valid());
  for (const char* file : {"checkpoint", "tile/0/000", "tile/entries/000", "tile/data/000", "tile/entries/001.p/54",
                           "tile/data/001.p/44", "tile/entries/001.p/44", "tile/0/001.p/44"}) {
    fs::permissions(path_ + "/" + file, fs::perms::none);
    const auto report = check_as_nobody();
    ASSERT_FALSE(report.has_value()) << file;
    EXPECT_TRUE(is_unreadable(report.error())) << file;
    EXPECT_EQ(report.error().code, ErrorCode::forbidden);
    EXPECT_NE(report.error().message.find(path_ + "/" + file), std::string::npos) << report.error().message;
    fs::permissions(path_ + "/" + file, fs::perms(0644));
  }
  // Restoring, too, learns that nobody could look.
  fs::permissions(path_ + "/tile/data/000", fs::perms::none);
  const auto restored = check_as_nobody([](Entry&&, const std::vector<Tile>&) { return Status{}; });
  ASSERT_FALSE(restored.has_value());
  EXPECT_TRUE(is_unreadable(restored.error()));
  // A file that is certainly bad stays the answer.
  const Flip flip(path_ + "/tile/data/001.p/54", 21);
  const auto report = check_as_nobody();
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_EQ(report->bad.size(), 2u);
}

TEST_F(Archive, ADirectoryThatCannotBeReadIsNoFinding) {
  ASSERT_TRUE(write(300).has_value());
  open_to_everybody();
  for (const char* directory : {"tile", "tile/entries", "tile/0/001.p", ""}) {
    const std::string path = path_ + "/" + directory;
    fs::permissions(path, fs::perms::none);
    const auto report = check_as_nobody();
    fs::permissions(path, fs::perms(0755));
    ASSERT_FALSE(report.has_value()) << directory;
    EXPECT_TRUE(is_unreadable(report.error())) << directory << report.error().message;
  }
}

TEST_F(Archive, WhatTheSinkSaysEndsTheCheck) {
  ASSERT_TRUE(write(1'000).has_value());
  const auto directory = ArchiveDirectory::open(path_);
  int taken = 0;
  const auto report = check_archive(
      *directory, log_key().verifier(),
      [&](Entry&&, const std::vector<Tile>&) {
        return ++taken < 300 ? Status{} : fail(ErrorCode::unavailable, "no more");
      },
      nullptr);
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().message, "no more");
  EXPECT_EQ(taken, 300);
}

TEST_F(Archive, RowsAreNotBelieved) {
  ASSERT_TRUE(write(300).has_value());
  const auto tampered = [this](std::int64_t sequence, auto change) {
    source_.tamper = [sequence, change](StoredRow& row) {
      if (row.sequence == sequence) change(row);
    };
    const auto written = write(2'000);
    ASSERT_FALSE(written.has_value()) << sequence;
    EXPECT_EQ(written.error().code, ErrorCode::internal);
    EXPECT_NE(written.error().message.find(std::to_string(sequence)), std::string::npos) << written.error().message;
    EXPECT_EQ(check().checkpoint->tree_size, 300);
    EXPECT_TRUE(check().valid());
  };
  tampered(700, [](StoredRow& row) { row.authority = "somebody else"; });
  tampered(257, [](StoredRow& row) { row.seal_data = "{}"; });  // before the archive's end, read again
  tampered(301, [](StoredRow& row) { row.prev_hash = std::string(64, '0'); });
  tampered(2'000, [](StoredRow& row) { row.merkle_root = std::string(64, 'f'); });
  tampered(1'024, [](StoredRow& row) { row.sequence = 1'025; });
  source_.tamper = nullptr;
  ASSERT_TRUE(write(2'000).has_value());
  EXPECT_TRUE(check().valid());
}

// Nothing explains why the payload is gone.
TEST_F(Archive, AMissingPayloadIsNeverArchived) {
  ASSERT_TRUE(write(300).has_value());
  source_.tamper = [](StoredRow& row) {
    if (row.sequence == 400) row.erase(all_entries()[399].data_hash);
  };
  for (const bool payloads : {true, false}) {
    source_.size = 500;
    const auto written = write_archive(source_, {payloads ? path_ : path_ + "-bare", payloads, std::nullopt}, nullptr);
    ASSERT_FALSE(written.has_value());
    EXPECT_NE(written.error().message.find("entry 400 does not verify: erasure_unexplained"), std::string::npos)
        << written.error().message;
  }
  fs::remove_all(path_ + "-bare");
  EXPECT_EQ(check().checkpoint->tree_size, 300);
}

// Nor is a payload accepted as missing if it was removed from an archive, be it from a full file or from a superseded
// one.
TEST_F(Archive, AMissingPayloadIsFoundInAnArchive) {
  ASSERT_TRUE(write(300).has_value());
  ASSERT_TRUE(write(600).has_value());
  for (const auto& [file, sequence] : {std::pair("tile/data/000", 10), {"tile/data/002.p/88", 520}}) {
    const std::string whole = read_file(file);
    write_file(file, without_record(whole, (sequence - 1) % 256));
    const ArchiveReport report = check();
    ASSERT_EQ(report.bad.size(), 1u) << file;
    EXPECT_EQ(report.bad[0].file, file);
    EXPECT_EQ(report.bad[0].what,
              "entry " + std::to_string(sequence) + ": erasure_unexplained: its payload is missing");
    EXPECT_EQ(report.erased, 1u);
    std::int64_t taken = 0;
    EXPECT_FALSE(check([&](Entry&& entry, const std::vector<Tile>&) {
                   taken = entry.sequence;
                   return Status{};
                 }).valid());
    EXPECT_LT(taken, sequence);
    write_file(file, whole);
  }
  const std::string superseded = read_file("tile/data/001.p/44");
  write_file("tile/data/001.p/44", without_record(superseded, 3));
  EXPECT_EQ(check().bad.at(0).file, "tile/data/001.p/44");
  write_file("tile/data/001.p/44", superseded);
  EXPECT_TRUE(check().valid());
}

TEST_F(Archive, NeverMovedBackAndOfOneKind) {
  ASSERT_TRUE(write(600, false).has_value());
  const auto back = write(300, false);
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->checkpoint->tree_size, 600);
  EXPECT_EQ(back->files_written, 0u);
  EXPECT_EQ(check().checkpoint->tree_size, 600);
  EXPECT_FALSE(check().payloads);
  EXPECT_EQ(write(700, true).error().code, ErrorCode::invalid_argument);
  EXPECT_TRUE(write(700, false).has_value());
}

}  // namespace
}  // namespace vault
