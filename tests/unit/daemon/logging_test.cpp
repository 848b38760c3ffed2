#include "daemon/logging.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "actors/log.hpp"
#include "daemon/service_manager.hpp"

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
