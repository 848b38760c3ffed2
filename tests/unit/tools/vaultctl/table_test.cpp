#include "tools/common/table.hpp"

#include <gtest/gtest.h>

#include <sstream>

#include "tools/common/display_width.hpp"
#include "tools/common/progress.hpp"
#include "tools/vaultctl/entry_columns.hpp"

namespace vault::ctl {
namespace {

Entry entry() {
  Entry one;
  one.sequence = 1'234'567;
  one.verdict = Verdict::hold;
  one.session_id = "00000000-0000-4000-8000-000000000042";
  one.authority = "a-deploy-bot-with-a-long-name@監査.example.org";
  one.timestamp = {1'795'876'205'123'456};
  return one;
}

std::string shown(std::optional<std::size_t> columns, bool wide = false, bool headings = true) {
  const Entry one = entry();
  return entry_table(*choose_columns({}), {one}, wide).text({headings, columns}, false);
}

std::size_t widest(const std::string& text) {
  std::size_t width = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) width = std::max(width, display_width(line));
  return width;
}

TEST(EntryTable, FitsEveryTerminal) {
  for (const std::size_t columns : {60U, 80U, 100U, 120U, 200U}) {
    EXPECT_LE(widest(shown(columns)), columns);
    EXPECT_NE(shown(columns).find("1234567"), std::string::npos);
    EXPECT_NE(shown(columns).find("888_HOLD"), std::string::npos);
    EXPECT_NE(shown(columns).find("0042"), std::string::npos) << "the telling end of the session";
  }
}

TEST(EntryTable, WhatThereIsRoomForIsThere) {
  EXPECT_EQ(shown(60).find("ENTRY HASH"), std::string::npos);
  EXPECT_NE(shown(120).find("ENTRY HASH"), std::string::npos);
  EXPECT_NE(shown(200).find(entry().session_id), std::string::npos);
  EXPECT_NE(shown(std::nullopt).find(entry().authority), std::string::npos) << "nothing is cut in a pipe";
  EXPECT_NE(shown(std::nullopt, true).find(std::string(64, '0')), std::string::npos) << "a hash in full";
}

TEST(EntryTable, WhatIsKeptHasNoPlaceInTheChain) {
  const KeptSeal seal{"s", {}, {}, "a", Verdict::seal, "{}"};
  const Table table = entry_table(*choose_columns({"sequence", "entry_hash", "data"}), {seal}, false);
  EXPECT_EQ(table.text({}, false), "SEQUENCE  ENTRY HASH   SEAL DATA\n       -  (emergency)  {}\n");
}

TEST(EntryTable, HeadingsAndColumns) {
  EXPECT_EQ(shown(200, false, false).find("SEQUENCE"), std::string::npos);
  const auto some = choose_columns({"data", "verdict"});
  ASSERT_TRUE(some);
  const Entry one = entry();
  EXPECT_EQ(entry_table(*some, {one}, false).text({}, false), "SEAL DATA  VERDICT\n(erased)   888_HOLD\n");
  const auto none = choose_columns({"verdikt"});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().message, "there is no column \"verdikt\"; did you mean \"verdict\"?");
  EXPECT_FALSE(choose_columns({""}));
}

TEST(Csv, Rfc4180) {
  EXPECT_EQ(csv_line({"a", "", "b c"}), "a,,b c\r\n");
  EXPECT_EQ(csv_line({"a,b", "say \"no\"", "two\nlines"}), "\"a,b\",\"say \"\"no\"\"\",\"two\nlines\"\r\n");
}

TEST(ProgressLine, FitsAndSaysWhatItCounts) {
  const Progress progress{
      .label = "verifying", .done = 8'448'000, .total = 13'394'000, .per_second = 181'375, .left_s = 27};
  EXPECT_EQ(
      progress_line(progress, 200),
      "verifying ██████████████████░░░░░░░░░░░░  63 %  8,448,000 of 13,394,000 entries  181,375 entries/s  27 s left");
  for (std::size_t columns = 1; columns <= 200; ++columns)
    EXPECT_LT(display_width(progress_line(progress, columns)), columns + (columns == 1));
  EXPECT_NE(progress_line(progress, 80).find("27 s left"), std::string::npos);
  EXPECT_NE(progress_line(progress, 60).find("63 %"), std::string::npos);
  EXPECT_NE(progress_line(progress, 60).find("8,448,000 of 13,394,000 entries"), std::string::npos);
  EXPECT_EQ(progress_line({.label = "sealing", .done = 1'204, .unit = "seals", .per_second = 602}, 80),
            "sealing  1,204 seals  602 seals/s");
  EXPECT_EQ(
      progress_line({.label = "sealing", .done = 1'204, .share = 0.5, .unit = "seals", .per_second = 602, .left_s = 90},
                    80),
      "sealing ███████████░░░░░░░░░░░  50 %  1,204 seals  602 seals/s  1 min 30 s left");
}

}  // namespace
}  // namespace vault::ctl
