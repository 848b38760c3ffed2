#include "actors/runtime/shell.hpp"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <mutex>

#include "actors/runtime/mailbox.hpp"
#include "actors/runtime/supervisor.hpp"

namespace vault {
namespace {

// Records its messages and acts as its test says.
class Recorder final : public Actor {
 public:
  std::function<void(Message&, Effects&)> on_message = [](Message&, Effects&) {};
  std::function<void(Effects&)> on_round = [](Effects&) {};
  std::function<void(Effects&)> on_watched = [](Effects&) {};
  int descriptor = -1;

  void handle(Message message, Effects& effects) override { on_message(message, effects); }
  void round_done(Effects& effects) override { on_round(effects); }
  Watch watch() const override { return {descriptor, false}; }
  void watched(Effects& effects) override { on_watched(effects); }
  bool stop(Effects&) override {
    stopped = true;
    return true;
  }
  std::atomic<bool> stopped{false};
};

class ShellTest : public ::testing::Test {
 protected:
  void note(const std::string& what) {
    const std::lock_guard lock(mutex_);
    notes_.push_back(what);
  }
  std::vector<std::string> notes() {
    const std::lock_guard lock(mutex_);
    return notes_;
  }
  bool soon(const std::function<bool()>& holds) {
    for (int i = 0; i < 2'000 && !holds(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return holds();
  }

  zmq::context_t context_;
  Supervisor supervisor_{context_};
  std::mutex mutex_;
  std::vector<std::string> notes_;
};

constexpr auto timer = [](int id) { return TimerFired{id}; };

// Messages between actors of one shell precede messages to others, in whatever order they were sent.
TEST_F(ShellTest, AnswersInsideComeBeforeWhatGoesOutside) {
  Recorder first, second, outside;
  first.on_message = [&](Message& message, Effects& effects) {
    if (!std::holds_alternative<TimerFired>(message)) return note("first hears the answer");
    note("first is told");
    effects.send(to::publisher, Heartbeat{});
    effects.send(to::writer, timer(2));
  };
  second.on_message = [&](Message&, Effects& effects) {
    note("second is told");
    effects.send(to::gateway, PeersSeen{});
  };
  outside.on_message = [&](Message&, Effects&) { note("outside is told"); };
  ASSERT_TRUE(supervisor_.start({{ActorId::publisher, &outside}}));
  ASSERT_TRUE(supervisor_.start({{ActorId::gateway, &first}, {ActorId::writer, &second}}));
  Outbox outbox(context_);
  outbox.send(to::gateway, timer(0));
  ASSERT_TRUE(soon([&] { return notes().size() == 4; }));
  EXPECT_EQ(notes(),
            (std::vector<std::string>{"first is told", "second is told", "first hears the answer", "outside is told"}));
  EXPECT_TRUE(supervisor_.stop(std::chrono::seconds(5)));
}

// The table of actors/topology.hpp holds here as in the simulator.
TEST_F(ShellTest, AnActorThatSendsToWhomItMayNotEndsTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        Recorder writer;
        writer.on_message = [](Message&, Effects& effects) { effects.send(to::auditor, timer(1)); };
        (void)supervisor_.start({{ActorId::writer, &writer}});
        Outbox outbox(context_);
        outbox.send(to::writer, timer(0));
        (void)soon([&] { return false; });
      },
      "may_send_to_");
}

TEST_F(ShellTest, RoundsEndForWhoeverWasTold) {
  Recorder first, second;
  std::atomic<int> rounds{0};
  first.on_message = [](Message&, Effects& effects) { effects.send(to::writer, timer(0)); };
  second.on_message = [&](Message&, Effects&) { rounds = 0; };
  second.on_round = [&](Effects&) { ++rounds; };
  ASSERT_TRUE(supervisor_.start({{ActorId::gateway, &first}, {ActorId::writer, &second}}));
  Outbox outbox(context_);
  outbox.send(to::gateway, timer(0));
  EXPECT_TRUE(soon([&] { return rounds > 0; }));
  EXPECT_TRUE(supervisor_.stop(std::chrono::seconds(5)));
}

TEST_F(ShellTest, WatchesTheDescriptorOfEachActor) {
  Recorder first, second;
  const int event = eventfd(0, EFD_NONBLOCK);
  ASSERT_GE(event, 0);
  second.descriptor = event;
  std::atomic<int> seen{0};
  second.on_watched = [&](Effects&) {
    eventfd_t value = 0;
    if (eventfd_read(event, &value) == 0) ++seen;
  };
  ASSERT_TRUE(supervisor_.start({{ActorId::gateway, &first}, {ActorId::writer, &second}}));
  for (int i = 1; i <= 3; ++i) {
    ASSERT_EQ(eventfd_write(event, 1), 0);
    EXPECT_TRUE(soon([&] { return seen == i; }));
  }
  EXPECT_TRUE(supervisor_.stop(std::chrono::seconds(5)));
  close(event);
}

// Awake or asleep: messages, timers and descriptors are noticed, and remote messages are sent before either.
TEST_F(ShellTest, BusyPollingHearsTheSame) {
  Supervisor polling{context_, std::chrono::microseconds(300)};
  Recorder first, outside;
  const int event = eventfd(0, EFD_NONBLOCK);
  ASSERT_GE(event, 0);
  first.descriptor = event;
  std::atomic<int> timers{0}, seen{0}, told{0};
  first.on_message = [&](Message& message, Effects& effects) {
    if (std::get<TimerFired>(message).id == 1) {
      ++timers;
      return;
    }
    effects.set_timer(1, std::chrono::milliseconds(2));
    effects.send(to::publisher, Heartbeat{});
  };
  first.on_watched = [&](Effects&) {
    eventfd_t value = 0;
    if (eventfd_read(event, &value) == 0) ++seen;
  };
  outside.on_message = [&](Message&, Effects&) { ++told; };
  ASSERT_TRUE(polling.start({{ActorId::publisher, &outside}}));
  ASSERT_TRUE(polling.start({{ActorId::gateway, &first}}));
  Outbox outbox(context_);
  for (int i = 1; i <= 20; ++i) {
    outbox.send(to::gateway, timer(0));
    ASSERT_TRUE(soon([&] { return told == i && timers == i; })) << i;
    ASSERT_EQ(eventfd_write(event, 1), 0);
    ASSERT_TRUE(soon([&] { return seen == i; })) << i;
  }
  EXPECT_TRUE(polling.stop(std::chrono::seconds(5)));
  close(event);
}

// A stopped actor receives nothing more; its neighbours continue until their turn comes.
TEST_F(ShellTest, ActorsOfOneShellStopByRank) {
  Recorder first, second, other;
  second.on_message = [&](Message&, Effects&) {
    note(first.stopped ? "second, first stopped" : "second, first running");
    EXPECT_FALSE(second.stopped);
  };
  other.on_message = [](Message&, Effects&) {};
  ASSERT_TRUE(supervisor_.start({{ActorId::coordinator, &other}}));
  ASSERT_TRUE(supervisor_.start({{ActorId::gateway, &first}, {ActorId::writer, &second}}));
  EXPECT_TRUE(supervisor_.stop(std::chrono::seconds(5)));
  EXPECT_TRUE(first.stopped && second.stopped && other.stopped);
}

// More messages than one round takes, from several threads: nothing is lost, and nothing waits for something else to
// arrive.
TEST_F(ShellTest, HearsEverythingFromManySenders) {
  Recorder first;
  std::atomic<int> heard{0};
  first.on_message = [&](Message&, Effects&) { ++heard; };
  ASSERT_TRUE(supervisor_.start({{ActorId::gateway, &first}}));
  constexpr int senders = 4, each = 5'000;
  std::vector<std::thread> threads;
  for (int i = 0; i < senders; ++i) {
    threads.emplace_back([&] {
      Outbox outbox(context_);
      for (int k = 0; k < each; ++k) outbox.send(to::gateway, timer(k));
      EXPECT_TRUE(soon([&] { return heard == senders * each; }));  // an outbox drops its messages when it closes
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(heard, senders * each);
  EXPECT_TRUE(supervisor_.stop(std::chrono::seconds(5)));
}

// Timers, answers of the database and other ports have their turn after a MiB, however much more is waiting.
TEST_F(ShellTest, ARoundEndsAfterAMebibyteOrTwoMillisecondsAndPortsTakeTurns) {
  Recorder actor;
  actor.on_message = [&](Message& message, Effects&) {
    const auto* peer = std::get_if<PeerMessage>(&message);
    if (!peer) return;
    note(peer->socket == SocketKind::ingest ? "ingest" : "requests");
    // One port's messages take longer than a round may: that must not give it more turns.
    if (peer->socket == SocketKind::ingest) std::this_thread::sleep_for(std::chrono::milliseconds(3));
  };
  actor.on_round = [&](Effects&) { note("round"); };
  std::atomic<bool> wanted{false};
  const auto open = [&](zmq::context_t& context) {
    std::vector<Port> ports;
    for (const auto& [kind, address] :
         {std::pair{SocketKind::requests, "inproc://first"}, std::pair{SocketKind::ingest, "inproc://second"}}) {
      Port port{kind, zmq::socket_t(context, zmq::socket_type::pull)};
      port.socket.bind(address);
      port.wanted = [&wanted] { return wanted.load(); };
      ports.push_back(std::move(port));
    }
    return ports;
  };
  ASSERT_TRUE(supervisor_.start({{ActorId::gateway, &actor}}, open));
  const std::string large(700'000, 'x');
  std::vector<zmq::socket_t> producers;
  for (const char* address : {"inproc://first", "inproc://second"}) {
    producers.emplace_back(context_, zmq::socket_type::push);
    producers.back().set(zmq::sockopt::linger, 0);
    producers.back().connect(address);
    for (int i = 0; i < 6; ++i) producers.back().send(zmq::buffer(large));
  }
  const auto count = [&](const std::string& what) {
    const auto all = notes();
    return std::count(all.begin(), all.end(), what);
  };
  wanted = true;
  Outbox outbox(context_);  // wakes it
  outbox.send(to::gateway, timer(0));
  EXPECT_TRUE(soon([&] { return count("ingest") == 6 && count("requests") == 6; }));
  EXPECT_TRUE(supervisor_.stop(std::chrono::seconds(5)));
  int in_round = 0;
  std::ptrdiff_t difference = 0;
  for (const std::string& what : notes()) {
    in_round = what == "round" ? 0 : in_round + 1;
    difference += what == "ingest" ? 1 : what == "requests" ? -1 : 0;
    EXPECT_LE(in_round, 2);
    EXPECT_LE(std::abs(difference), 2);
  }
}

}  // namespace
}  // namespace vault
