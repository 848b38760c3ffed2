#include "daemon/peer_guard.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "daemon/peer_limits.hpp"

namespace vault {
namespace {

constexpr std::size_t kib = 1'024;

// A guard without hooks: the test calls it in their place.
class PeerGuardTest : public ::testing::Test {
 protected:
  PeerGuardTest() {
    limits.message.bytes = 40 * kib;
    limits.peer_bytes = 32 * kib;
    limits.all_bytes = 80 * kib;
    limits.modest_bytes = kib;
    guard.set_limits(GuardedSocket::requests, limits);
    guard.set_limits(GuardedSocket::ingest, limits);
    guard.set_peers_max(3);
    const PeerGuard::Binding bound(GuardedSocket::ingest);
    guard.listening(listener);
    epoll = epoll_create1(EPOLL_CLOEXEC);
  }
  ~PeerGuardTest() override {
    for (const int one : opened) close(one);
    close(epoll);
  }

  // A connection past its greeting, in the state that ZeroMQ would give it: read, and in epoll.
  int connect(const std::string& mechanism = "NULL", int to = 1'000) {
    int ends[2] = {-1, -1};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    opened.insert(opened.end(), {ends[0], ends[1]});
    EXPECT_TRUE(guard.accepted(to, ends[0]));
    epoll_event wanted{};
    wanted.events = EPOLLIN;
    wanted.data.fd = ends[0];
    EXPECT_EQ(guard.control(epoll, EPOLL_CTL_ADD, ends[0], &wanted), 0);
    std::string greeting("\xff\0\0\0\0\0\0\0\0\x7f\3\0", 12);
    greeting += mechanism;
    greeting.resize(64, '\0');
    EXPECT_TRUE(read(ends[0], greeting));
    EXPECT_EQ(write(ends[1], "x", 1), 1);  // so that it is readable
    return ends[0];
  }
  bool read(int peer, const std::string& bytes) { return guard.has_read(peer, bytes.data(), bytes.size(), 1 << 20); }
  static std::string head(std::size_t size) {
    std::string out("\2", 1);
    for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(size >> shift & 0xff);
    return out;
  }
  static std::string message(std::size_t size) { return head(size) + std::string(size, 'x'); }
  bool waits(int peer) { return guard.may_read(peer, kib) == 0; }
  bool is_polled(int peer) {
    epoll_event events[8];
    const int count = epoll_wait(epoll, events, 8, 0);
    for (int i = 0; i < count; ++i) {
      if (events[i].data.fd == peer) return true;
    }
    return false;
  }

  GuardLimits limits;
  PeerGuard guard;
  const int listener = 1'000;
  int epoll = -1;
  std::vector<int> opened;
};

TEST_F(PeerGuardTest, DescriptorsOfOthersPass) {
  EXPECT_EQ(guard.may_read(0, kib), SIZE_MAX);
  EXPECT_FALSE(guard.guards_listener(0));
  EXPECT_TRUE(guard.guards_listener(listener));
  guard.closing(listener);
  EXPECT_FALSE(guard.guards_listener(listener));
}

TEST_F(PeerGuardTest, APeerWithMuchUnreadWaitsUntilHalfIsTaken) {
  const int peer = connect(), other = connect();
  for (int i = 0; i < 4; ++i) {
    EXPECT_FALSE(waits(peer));
    EXPECT_TRUE(read(peer, message(8 * kib)));
  }
  EXPECT_TRUE(is_polled(peer));
  EXPECT_TRUE(waits(peer));
  EXPECT_FALSE(is_polled(peer));
  EXPECT_FALSE(waits(other));
  guard.taken(peer, 1);
  EXPECT_FALSE(is_polled(peer));
  guard.taken(peer, 1);
  EXPECT_FALSE(is_polled(peer));
  guard.taken(peer, 1);
  EXPECT_TRUE(is_polled(peer));
  EXPECT_FALSE(waits(peer));
}

TEST_F(PeerGuardTest, AnEndWhileItWaitsDoesNotKeepEpollBusy) {
  const int peer = connect();
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(read(peer, message(8 * kib)));
  EXPECT_TRUE(waits(peer));
  close(opened[1]);
  opened.erase(opened.begin() + 1);
  EXPECT_FALSE(is_polled(peer));
  for (int i = 0; i < 4; ++i) guard.taken(peer, 1);
  EXPECT_TRUE(is_polled(peer));
}

TEST_F(PeerGuardTest, AllPeersTogetherHaveABudgetAndTheModestGoOn) {
  const int a = connect(), b = connect(), c = connect();
  EXPECT_TRUE(read(a, message(31 * kib)));
  EXPECT_TRUE(read(b, message(31 * kib)));
  EXPECT_TRUE(read(c, message(500)));
  EXPECT_FALSE(waits(a));
  EXPECT_TRUE(read(
      a, head(30 * kib) + std::string(20 * kib, 'x')));  // 82 of 80 KiB: a peer in the middle of a message waits too
  EXPECT_TRUE(waits(a));
  EXPECT_TRUE(waits(b));
  EXPECT_FALSE(waits(c));
  guard.taken(b, 1);
  EXPECT_TRUE(is_polled(a) || is_polled(b));
  EXPECT_FALSE(waits(a));
}

TEST_F(PeerGuardTest, WhereOnlyBegunMessagesFillTheBudgetTheLargestIsCut) {
  const int a = connect(), b = connect(), c = connect();
  EXPECT_TRUE(read(a, head(40 * kib) + std::string(39 * kib, 'x')));
  EXPECT_TRUE(read(b, head(40 * kib) + std::string(30 * kib, 'x')));
  EXPECT_TRUE(read(c, head(40 * kib) + std::string(12 * kib, 'x')));
  EXPECT_TRUE(waits(c));
  EXPECT_FALSE(read(a, "x"));  // cut
  guard.closing(a);
  EXPECT_FALSE(waits(c));
  EXPECT_TRUE(read(c, std::string(28 * kib, 'x')));
  EXPECT_EQ(guard.sweep({true, true, true}).cut, 1U);
}

TEST_F(PeerGuardTest, ConnectionsHaveALimitAndComeBack) {
  const int a = connect();
  connect();
  connect();
  EXPECT_FALSE(guard.accepted(listener, 900));
  guard.closing(a);
  EXPECT_TRUE(guard.accepted(listener, 900));
  EXPECT_EQ(guard.sweep({true, true, true}).peers, 3U);
}

TEST_F(PeerGuardTest, TheLastDescriptorsAreNotForPeers) {
  guard.set_descriptors_max(900);
  EXPECT_TRUE(guard.accepted(listener, 899));
  EXPECT_FALSE(guard.accepted(listener, 900));
  EXPECT_EQ(guard.sweep({true, true, true}).peers, 1U);
}

TEST_F(PeerGuardTest, WhatAConnectionHadBegunIsGivenBackWhenItEnds) {
  const int peer = connect();
  EXPECT_TRUE(read(peer, message(kib) + head(40 * kib) + std::string(10 * kib, 'x')));
  EXPECT_GT(guard.unread_bytes(GuardedSocket::ingest), 11 * kib);
  guard.closing(peer);
  EXPECT_EQ(guard.unread_bytes(GuardedSocket::ingest), kib + 64);  // its whole message can still be taken
  guard.taken(peer, 1);
  EXPECT_EQ(guard.unread_bytes(GuardedSocket::ingest), 0U);
}

// The last frame of a message cannot be recognised there: what is never taken has no end.
TEST_F(PeerGuardTest, AnEncryptedMessageWithoutEndIsPausedAndThenCut) {
  limits.patience = std::chrono::milliseconds(50);
  guard.set_limits(GuardedSocket::ingest, limits);
  const int endless = connect("CURVE"), honest = connect("CURVE");
  while (!waits(endless)) EXPECT_TRUE(read(endless, message(4 * kib)));
  EXPECT_LE(guard.unread_bytes(GuardedSocket::ingest), limits.peer_bytes + 5 * kib);
  EXPECT_FALSE(is_polled(endless));
  EXPECT_EQ(guard.sweep({true, true, true}).cut, 0U);
  std::this_thread::sleep_for(2 * limits.patience);
  EXPECT_EQ(guard.sweep({true, false, true}).cut, 0U);  // if nobody reads, it is nobody's fault
  EXPECT_TRUE(read(honest, message(4 * kib)));
  std::this_thread::sleep_for(2 * limits.patience);
  guard.taken(honest, 1);
  EXPECT_EQ(guard.sweep({true, true, true}).cut, 1U);
  EXPECT_FALSE(read(endless, "x"));
  EXPECT_TRUE(read(honest, message(4 * kib)));
  guard.closing(endless);
  EXPECT_GT(guard.unread_bytes(GuardedSocket::ingest), limits.peer_bytes);  // ZeroMQ may still hold it
  std::this_thread::sleep_for(2 * limits.patience);
  guard.sweep({true, true, true});
  EXPECT_LE(guard.unread_bytes(GuardedSocket::ingest), 5 * kib);
}

// Frames of a message that never ended were lost with their connection, and nobody takes them. The next connection with
// the same descriptor has nothing to do with them.
TEST_F(PeerGuardTest, WhatAConnectionLeftUnreadIsNoReasonForTheNextOneToWait) {
  limits.patience = std::chrono::milliseconds(50);
  guard.set_limits(GuardedSocket::ingest, limits);
  const int peer = connect("CURVE");
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(read(peer, message(8 * kib)));
  EXPECT_TRUE(waits(peer));
  guard.closing(peer);
  EXPECT_GE(guard.unread_bytes(GuardedSocket::ingest), 32 * kib);
  EXPECT_TRUE(guard.accepted(listener, peer));
  epoll_event wanted{};
  wanted.events = EPOLLIN;
  wanted.data.fd = peer;
  guard.control(epoll, EPOLL_CTL_DEL, peer, nullptr);
  EXPECT_EQ(guard.control(epoll, EPOLL_CTL_ADD, peer, &wanted), 0);
  std::string greeting("\xff\0\0\0\0\0\0\0\0\x7f\3\0CURVE", 17);
  greeting.resize(64, '\0');
  EXPECT_TRUE(read(peer, greeting));
  for (int i = 0; i < 4; ++i) {
    EXPECT_FALSE(waits(peer));
    EXPECT_TRUE(read(peer, message(8 * kib)));
  }
  EXPECT_TRUE(waits(peer)) << "its own count";
  std::this_thread::sleep_for(limits.patience + std::chrono::milliseconds(10));
  guard.sweep({true, true, true});
  EXPECT_LT(guard.unread_bytes(GuardedSocket::ingest), 40 * kib) << "given back after a while";
}

TEST_F(PeerGuardTest, WhoHasMostTopicsIsCutWhereAllTogetherHaveTooMany) {
  GuardLimits topics{.message = {.topic_bytes = 600}, .counted = false, .all_bytes = 1'000};
  guard.set_limits(GuardedSocket::events, topics);
  const int events = 1'001;
  const PeerGuard::Binding bound(GuardedSocket::events);
  guard.listening(events);
  const auto subscribe = [&](int peer, std::size_t size) {
    return read(peer, std::string("\0", 1) + static_cast<char>(size + 1) + "\x01" + std::string(size, 't'));
  };
  const int greedy = connect("NULL", events), other = connect("NULL", events), modest = connect("NULL", events);
  for (const std::size_t size : {100, 90, 80, 70, 60}) EXPECT_TRUE(subscribe(greedy, size));  // 480 bytes
  for (const std::size_t size : {100, 90, 80, 70}) EXPECT_TRUE(subscribe(other, size));       // 404
  EXPECT_TRUE(subscribe(modest, 90));
  EXPECT_TRUE(subscribe(modest, 20)) << "somebody else has most";
  EXPECT_FALSE(subscribe(greedy, 1));
  EXPECT_TRUE(subscribe(modest, 30)) << "one that has been cut makes room at once";
  EXPECT_EQ(guard.sweep({true, true, true}).cut, 1U);
  guard.closing(greedy);
  EXPECT_TRUE(subscribe(other, 60));
  EXPECT_EQ(guard.sweep({true, true, true}).cut, 1U);
}

TEST_F(PeerGuardTest, TheSubscriberThatHasTakenNothingForTheLongestTimeIsCut) {
  const int reads = connect(), slow = connect(), slower = connect();
  epoll_event writing{};
  writing.events = EPOLLIN | EPOLLOUT;
  for (const int one : {slower, slow}) {
    writing.data.fd = one;
    EXPECT_EQ(guard.control(epoll, EPOLL_CTL_MOD, one, &writing), 0);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  guard.cut_slowest(GuardedSocket::ingest);
  EXPECT_FALSE(read(slower, "x"));
  guard.cut_slowest(GuardedSocket::ingest);  // the first has not gone yet
  EXPECT_EQ(guard.sweep({true, true, true}).cut, 1U);
  guard.closing(slower);
  guard.cut_slowest(GuardedSocket::ingest);
  EXPECT_FALSE(read(slow, "x"));
  guard.closing(slow);
  guard.cut_slowest(GuardedSocket::ingest);
  EXPECT_TRUE(read(reads, message(kib)));
  EXPECT_EQ(guard.sweep({true, true, true}).cut, 2U);
}

TEST_F(PeerGuardTest, ALimitThatMovesCountsOnConnectionsThatAreThere) {
  const int peer = connect();
  guard.set_message_bytes(GuardedSocket::ingest, 50 * kib);
  EXPECT_TRUE(read(peer, message(45 * kib)));
  guard.set_message_bytes(GuardedSocket::ingest, 10 * kib);
  EXPECT_FALSE(read(peer, message(11 * kib)));
}

TEST(PeerLimits, DescriptorsOfVaultdsOwnStayFree) {
  Settings settings;
  EXPECT_EQ(peers_that_fit(65'536, settings), 1'000U);
  EXPECT_EQ(peers_that_fit(1'024, settings), 1'024U - 152U);
  EXPECT_EQ(peers_that_fit(120, settings), 60U);
}

}  // namespace
}  // namespace vault
