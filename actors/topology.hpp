// Which actors share a thread, which may wait for the database, in which order they stop, and which may send to which:
// one table, read by the daemon and by the simulator.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "actors/message.hpp"

namespace vault {

// Threads. Actors of one thread exchange messages without a socket and without waking any thread.
enum class ThreadId : std::uint8_t {
  sealing,  // the actors that a seal passes: none waits, so one thread takes it from the socket to PostgreSQL and back
  publishing,  // the actors that a checkpoint or event passes: it is made, remembered and published
  own,         // a thread of its own, in which it may wait
};

// The order in which work flows is the order in which actors stop, so that nothing accepted is left behind. Those that
// have nothing of their own to finish stop last, together.
struct ActorPlace {
  ActorId id;
  ThreadId thread;
  bool waits;     // for the database, perhaps for long: its silence proves nothing, so it is not pinged
  int stop_rank;  // lower ones have stopped before
  std::vector<ActorId> sends_to;
};

inline constexpr int last_stop_rank = 7;

inline const std::array<ActorPlace, 11>& topology() {
  using enum ActorId;
  static const std::array<ActorPlace, 11> places{{
      {gateway, ThreadId::sealing, false, 0, {decoder, writer, reader_first, publisher, gateway}},
      {writer, ThreadId::sealing, false, 1, {gateway, committer, coordinator, lease_keeper, notary, publisher}},
      {committer, ThreadId::sealing, false, 2, {writer}},
      {notary, ThreadId::publishing, false, 3, {writer, coordinator, lease_keeper, gateway, publisher, auditor}},
      {lease_keeper, ThreadId::own, true, 4, {writer, notary}},
      {coordinator, ThreadId::own, true, 5, {writer, notary, gateway, publisher}},
      {publisher, ThreadId::publishing, false, 6, {writer}},
      {decoder, ThreadId::own, false, last_stop_rank, {gateway}},
      {auditor, ThreadId::own, true, last_stop_rank, {gateway, publisher}},
      {authenticator, ThreadId::own, false, last_stop_rank, {gateway, publisher}},
      {reader_first, ThreadId::own, true, last_stop_rank, {gateway, publisher}},
  }};
  return places;
}

// All readers have the same place.
inline const ActorPlace& place_of(ActorId id) {
  const ActorId kind = std::min(id, ActorId::reader_first);
  return *std::find_if(topology().begin(), topology().end(),
                       [kind](const ActorPlace& place) { return place.id == kind; });
}

// The actors that one may send to, a bit each, so that the shell can check every message without a search.
class Receivers {
 public:
  explicit Receivers(ActorId from) {
    for (const ActorId to : place_of(from).sends_to) bits_ |= bit(to);
  }
  bool contain(ActorId to) const { return (bits_ & bit(to)) != 0; }

 private:
  static std::uint32_t bit(ActorId id) {
    static_assert(static_cast<unsigned>(ActorId::reader_first) < 32);
    return 1U << static_cast<unsigned>(std::min(id, ActorId::reader_first));
  }

  std::uint32_t bits_ = 0;
};

inline bool may_send(ActorId from, ActorId to) {
  return Receivers(from).contain(to);
}

}  // namespace vault
