#include "actors/runtime/unread_replies.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace vault {
namespace {

TEST(UnreadReplies, CountUntilZeroMQLetsGo) {
  UnreadReplies replies({.peer_bytes = 10'000, .all_bytes = 15'000, .modest_bytes = 100});
  EXPECT_TRUE(replies.fits("a"));
  {
    const zmq::message_t first = replies.count(std::string(9'000, 'x'), "a");
    EXPECT_EQ(first.to_string(), std::string(9'000, 'x'));
    EXPECT_TRUE(replies.fits("a"));
    const zmq::message_t second = replies.count(std::string(2'000, 'x'), "a");
    EXPECT_FALSE(replies.fits("a"));
    EXPECT_TRUE(replies.fits("b"));
    const zmq::message_t third = replies.count(std::string(4'000, 'x'), "b");
    EXPECT_FALSE(replies.fits("b"));  // all together
    EXPECT_TRUE(replies.fits("c"));   // modest
    EXPECT_GT(replies.of("c").all, 15'000U);
  }
  EXPECT_EQ(replies.of("a").peer, 0U);
  EXPECT_EQ(replies.of("a").all, 0U);
}

TEST(UnreadReplies, MayBeFreedByAnotherThreadAndAfterTheCounter) {
  auto replies = std::make_unique<UnreadReplies>();
  std::thread other([message = replies->count("text", "a")]() mutable { message.rebuild(); });
  other.join();
  EXPECT_EQ(replies->of("a").all, 0U);
  zmq::message_t last = replies->count("text", "a");
  replies.reset();
  last.rebuild();
}

}  // namespace
}  // namespace vault
