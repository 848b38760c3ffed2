#include "daemon/logging.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "daemon/journal.hpp"
#include "daemon/service_manager.hpp"
#include "os/log.hpp"

namespace vault {
namespace {

std::string logged(const std::string& level, const std::string& format, void (*speak)()) {
  testing::internal::CaptureStderr();
  EXPECT_TRUE(set_up_logging(level, format));
  speak();
  return testing::internal::GetCapturedStderr();
}

void speak() {
  log_debug("writer", "too quiet");
  log_info("writer", "lease taken\n<0>forged", {{"epoch", "7"}, {"why", "a \"b\"\nc"}, {"empty", ""}});
}

TEST(Logging, TextIsOneLineAnEvent) {
  unsetenv("JOURNAL_STREAM");
  const std::string line = logged("info", "text", speak);
  ASSERT_GT(line.size(), 28U);
  EXPECT_EQ(line.substr(28),
            "info    writer: lease taken\\u000a<0>forged epoch=7 why=\"a \\\"b\\\"\\u000ac\" empty=\"\"\n");
}

TEST(Logging, JsonIsOneDocumentALine) {
  const std::string line = logged("info", "json", speak);
  const auto document = nlohmann::json::parse(line);
  EXPECT_EQ(document["level"], "info");
  EXPECT_EQ(document["component"], "writer");
  EXPECT_EQ(document["message"], "lease taken\n<0>forged");
  EXPECT_EQ(document["why"], "a \"b\"\nc");
  EXPECT_EQ(line.find('\n'), line.size() - 1);
}

// A producer chooses its names: none may end a line, drive a terminal or reorder text, in either format.
TEST(Logging, NamesOfStrangersAreEscapedAlike) {
  unsetenv("JOURNAL_STREAM");
  const auto speak_of_strangers = [] {
    log_info("gateway", "peer \u0085\u009b31m\u2028\u2029\u202e refused",
             {{"name", "a\u200f\u2066b\u0090"}, {"broken", "\x9b\xff"}, {"quoted", "a \u061c\"\\"}});
  };
  const std::string text = logged("info", "text", speak_of_strangers);
  EXPECT_EQ(text.substr(28),
            "info    gateway: peer \\u0085\\u009b31m\\u2028\\u2029\\u202e refused name=a\\u200f\\u2066b\\u0090 "
            "broken=\\ufffd\\ufffd quoted=\"a \\u061c\\\"\\\\\"\n");
  const std::string json = logged("info", "json", speak_of_strangers);
  EXPECT_TRUE(std::all_of(json.begin(), json.end(), [](char c) { return c == '\n' || (c >= 0x20 && c < 0x7f); }))
      << json;
  const auto document = nlohmann::json::parse(json);
  EXPECT_EQ(document["message"], "peer \u0085\u009b31m\u2028\u2029\u202e refused");
  EXPECT_EQ(document["name"], "a\u200f\u2066b\u0090");
  EXPECT_EQ(document["quoted"], "a \u061c\"\\");
}

TEST(Logging, ALevelHidesWhatIsBelowIt) {
  EXPECT_EQ(logged("warning", "text", speak), "");
  testing::internal::CaptureStderr();
  EXPECT_TRUE(set_log_level("debug"));
  speak();
  const std::string lines = testing::internal::GetCapturedStderr();
  EXPECT_NE(lines.find("too quiet"), std::string::npos);
  EXPECT_FALSE(set_log_level("loud"));
  EXPECT_FALSE(set_up_logging("info", "xml"));
}

TEST(Logging, NumbersAndBooleansStayWhatTheyAre) {
  const auto speak_of_numbers = [] {
    log_info("gateway", "counted", {{"n", 7}, {"big", std::size_t{1} << 40}, {"yes", true}, {"text", "7"}},
             LogEvent::alert_raised);
  };
  const auto document = nlohmann::json::parse(logged("info", "json", speak_of_numbers));
  EXPECT_EQ(document["n"], 7);
  EXPECT_EQ(document["big"], std::size_t{1} << 40);
  EXPECT_EQ(document["yes"], true);
  EXPECT_EQ(document["text"], "7");
  EXPECT_EQ(document["event"], "alert_raised");
  unsetenv("JOURNAL_STREAM");
  EXPECT_EQ(logged("info", "text", speak_of_numbers).substr(28),
            "info    gateway: counted n=7 big=1099511627776 yes=true text=7\n");
}

TEST(Logging, TheJournalGetsFields) {
  const LogFields fields{{"kind", "tamper"}, {"sequence", 42}, {"reason", "a\nb"}};
  const auto told =
      journal_fields({LogLevel::error, LogEvent::alert_raised, "auditor", "alert raised", fields}, "text", 3);
  EXPECT_EQ(told, (std::vector<std::string>{"MESSAGE=text", "PRIORITY=3", "SYSLOG_IDENTIFIER=vaultd",
                                            "VAULT_COMPONENT=auditor",
                                            "MESSAGE_ID=" + std::string(message_id(LogEvent::alert_raised)),
                                            "VAULT_KIND=tamper", "VAULT_SEQUENCE=42", "VAULT_REASON=a\nb"}));
  std::set<std::string_view> ids;
  for (int i = 1; i <= static_cast<int>(LogEvent::lease_taken); ++i) {
    const auto id = message_id(static_cast<LogEvent>(i));
    EXPECT_EQ(id.size(), 32U);
    EXPECT_TRUE(ids.insert(id).second);
  }
}

TEST(Logging, ALineThatIsNotWrittenIsNotMade) {
  EXPECT_TRUE(set_up_logging("info", "text"));
  EXPECT_FALSE(log_enabled(LogLevel::debug));
  EXPECT_TRUE(log_enabled(LogLevel::info));
  EXPECT_TRUE(set_log_level("debug"));
  EXPECT_TRUE(log_enabled(LogLevel::debug));
  EXPECT_TRUE(set_log_level("info"));
}

TEST(ServiceManager, IsSilentWithoutOne) {
  unsetenv("NOTIFY_SOCKET");
  unsetenv("WATCHDOG_USEC");
  notify_ready();
  feed_watchdog();
  EXPECT_FALSE(watchdog_interval());
  setenv("WATCHDOG_USEC", "30000000", 1);
  setenv("WATCHDOG_PID", std::to_string(getpid()).c_str(), 1);
  EXPECT_EQ(watchdog_interval(), std::chrono::seconds(15));
}

}  // namespace
}  // namespace vault
