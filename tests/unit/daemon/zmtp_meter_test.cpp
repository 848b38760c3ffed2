#include "daemon/zmtp_meter.hpp"

#include <gtest/gtest.h>

#include <string>

namespace vault {
namespace {

std::string greeting(const char* mechanism, char major = 3) {
  std::string out = "\xff" + std::string(8, '\0') + "\x7f";
  out += major;
  out += '\0';
  out += mechanism;
  out.resize(64, '\0');
  return out;
}

std::string frame(const std::string& body, char flags = 0) {
  std::string out;
  if (body.size() < 256) return out + flags + static_cast<char>(body.size()) + body;
  out += static_cast<char>(flags | 2);
  for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(body.size() >> shift & 0xff);
  return out + body;
}
constexpr char more = 1, command = 4;

class ZmtpMeterTest : public ::testing::Test {
 protected:
  const char* feed(const std::string& bytes) {
    return meter.feed({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, whole);
  }
  MessageLimits limits{.frames = 4, .bytes = 10'000, .envelope_bytes = 100, .command_bytes = 50};
  ZmtpMeter meter{limits};
  std::vector<std::size_t> whole;
};

TEST_F(ZmtpMeterTest, FindsWhereMessagesEndHoweverTheBytesArrive) {
  const std::string stream = greeting("NULL") + frame("\5READY", command) + frame("", more) + frame("hello") +
                             frame("\4PING", command) + frame(std::string(300, 'x'));
  for (std::size_t step = 1; step < stream.size(); step += 7) {
    meter = ZmtpMeter(limits);
    whole.clear();
    for (std::size_t at = 0; at < stream.size(); at += step) ASSERT_EQ(feed(stream.substr(at, step)), nullptr);
    EXPECT_EQ(whole, (std::vector<std::size_t>{64 + 64 + 5, 64 + 300}));
    EXPECT_EQ(meter.begun(), 0U);
  }
}

TEST_F(ZmtpMeterTest, AMessageHasLimits) {
  ASSERT_EQ(feed(greeting("NULL")), nullptr);
  const ZmtpMeter greeted = meter;
  EXPECT_EQ(feed(frame("", more) + frame("", more) + frame("", more) + frame("")), nullptr);
  EXPECT_STREQ(feed(frame("", more) + frame("", more) + frame("", more) + frame("", more) + frame("")),
               "a message of too many frames");
  meter = greeted;
  EXPECT_STREQ(feed(frame(std::string(101, 'e'), more)), "an envelope over the limit");
  meter = greeted;
  EXPECT_EQ(feed(frame(std::string(10'000, 'x'))), nullptr);
  // Known from the frame's header, before a byte of its body is there.
  EXPECT_STREQ(feed(frame(std::string(10'001, 'x')).substr(0, 9)), "a frame over the limit");
  meter = greeted;
  EXPECT_STREQ(feed(frame(std::string(51, 'x'), command)), "a command over the limit");
}

TEST_F(ZmtpMeterTest, OlderProtocolsAreNotFollowed) {
  EXPECT_STREQ(feed(greeting("NULL", 1)), "an older protocol than ZMTP 3");
  meter = ZmtpMeter(limits);
  EXPECT_STREQ(feed("\x01\x00"), "an older protocol than ZMTP 3");
}

TEST_F(ZmtpMeterTest, EveryFrameOfAnEncryptedConnectionCountsAsAMessage) {
  ASSERT_EQ(feed(greeting("CURVE") + frame("\5HELLO", command)), nullptr);
  EXPECT_TRUE(meter.encrypted());
  EXPECT_EQ(feed(frame("0123456789") + frame("01234")), nullptr);
  EXPECT_EQ(whole, (std::vector<std::size_t>{74, 69}));
}

TEST_F(ZmtpMeterTest, PingsAloneDoNotAddUp) {
  ASSERT_EQ(feed(greeting("NULL")), nullptr);
  for (int i = 0; i < 100; ++i) {
    meter.charge(1'000);
    ASSERT_EQ(feed(frame("\4PING", command)), nullptr);
  }
  EXPECT_EQ(meter.begun(), 1'000U);
}

TEST_F(ZmtpMeterTest, TopicsAreCountedOnceAndGivenBack) {
  limits = {.frames = 1, .bytes = 1'024, .topic_bytes = 100};
  meter = ZmtpMeter(limits);
  ASSERT_EQ(feed(greeting("NULL")), nullptr);
  const auto on = [](const std::string& topic) { return frame("\x01" + topic); };
  const auto off = [](const std::string& topic) { return frame(std::string(1, '\0') + topic); };
  EXPECT_EQ(feed(on("a") + on("a") + frame("\x09SUBSCRIBEb", command)), nullptr);
  EXPECT_EQ(meter.topics(), 34U);
  EXPECT_EQ(feed(off("a") + off("unheard of") +
                 frame("\x06"
                       "CANCELb",
                       command)),
            nullptr);
  EXPECT_EQ(meter.topics(), 0U);
  for (int i = 0; i < 50; ++i) ASSERT_EQ(feed(on("receipt") + off("receipt")), nullptr);
  EXPECT_STREQ(feed(on(std::string(50, 'x')) + on(std::string(30, 'y'))), "too many topics");
}

TEST_F(ZmtpMeterTest, OverCurveEachFrameCountsAsATopicButForHeartbeats) {
  limits = {.frames = 1, .bytes = 1'024, .topic_bytes = 200};
  meter = ZmtpMeter(limits);
  const auto began = std::chrono::steady_clock::now();
  meter.allow_heartbeats(began);
  meter.allow_heartbeats(began + std::chrono::seconds(500));  // 120 are kept
  ASSERT_EQ(feed(greeting("CURVE")), nullptr);
  ASSERT_EQ(feed(frame(std::string(200, 'h'), command) + frame(std::string(300, 'i'), command)), nullptr);
  EXPECT_EQ(meter.topics(), 0U);
  const std::string heartbeat = frame(std::string(40, 'p'));
  for (int i = 0; i < 120; ++i) ASSERT_EQ(feed(heartbeat), nullptr);
  EXPECT_EQ(meter.topics(), 0U);
  ASSERT_EQ(feed(heartbeat), nullptr);
  EXPECT_EQ(meter.topics(), 56U);
  meter.allow_heartbeats(began + std::chrono::milliseconds(501'100));
  ASSERT_EQ(feed(heartbeat), nullptr);
  ASSERT_EQ(feed(frame(std::string(34, 't'))), nullptr);
  EXPECT_EQ(meter.topics(), 106U);
  EXPECT_STREQ(feed(frame(std::string(100, 't'))), "too many topics");
}

}  // namespace
}  // namespace vault
