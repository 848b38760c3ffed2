#include "actors/inbox.hpp"

#include <gtest/gtest.h>

#include "actors/actor.hpp"
#include "actors/topology.hpp"

namespace vault {
namespace {

template <class Inbox, class Kind>
concept Sendable = requires(Effects& effects, Address<Inbox> address, Kind message) {
  effects.send(address, std::move(message));
};

static_assert(Sendable<WriterInbox, SealOrders>);
static_assert(!Sendable<WriterInbox, SealAnswers>, "answers go to the gateway");
static_assert(!Sendable<GatewayInbox, SealOrders>);
static_assert(!Sendable<PublisherInbox, TimerFired>, "who sets no timer hears of none");

TEST(Inbox, HandsAMessageToItsCase) {
  int tasks = 0, timers = 0;
  receive<CommitterInbox>(
      TimerFired{7}, [&](Append&) { ++tasks; }, [&](UseSession&) { ++tasks; },
      [&](TimerFired& timer) { timers += timer.id; });
  EXPECT_EQ(tasks, 0);
  EXPECT_EQ(timers, 7);
}

TEST(InboxDeathTest, AMessageForSomebodyElseEndsTheProcess) {
  EXPECT_DEATH(receive<DecoderInbox>(TimerFired{}, [](DecodeTask&) {}), "does not take");
}

TEST(Topology, HasAPlaceForEachActorAndOneForAllReaders) {
  for (int id = 0; id <= static_cast<int>(ActorId::reader_first); ++id) {
    EXPECT_EQ(place_of(static_cast<ActorId>(id)).id, static_cast<ActorId>(id));
  }
  EXPECT_EQ(place_of(reader_id(5)).id, ActorId::reader_first);
}

// An actor that waits must not share a thread, or it would hold up seals.
TEST(Topology, WhoeverWaitsForTheDatabaseHasAThreadOfItsOwn) {
  for (const ActorPlace& place : topology()) {
    EXPECT_TRUE(!place.waits || place.thread == ThreadId::own) << actor_name(place.id);
  }
}

// So that nothing accepted is left behind: seals flow from gateway to writer to committer to notary to publisher.
TEST(Topology, StopsInTheOrderInWhichWorkFlows) {
  using enum ActorId;
  const ActorId flow[] = {gateway, writer, committer, notary, publisher};
  for (std::size_t i = 1; i < std::size(flow); ++i) {
    EXPECT_LT(place_of(flow[i - 1]).stop_rank, place_of(flow[i]).stop_rank) << actor_name(flow[i]);
  }
  EXPECT_TRUE(may_send(gateway, writer));
  EXPECT_FALSE(may_send(writer, reader_first));
  EXPECT_FALSE(may_send(publisher, gateway)) << "data goes one way";
}

}  // namespace
}  // namespace vault
