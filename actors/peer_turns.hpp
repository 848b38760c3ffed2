// Turns between peers: tickets in order of arrival, but one per peer and turn, so that a peer with thousands of them
// delays the others by no more than one.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <unordered_map>

#include "actors/message.hpp"

namespace vault {

class PeerTurns {
 public:
  void push(const std::string& peer, Ticket ticket) {
    std::deque<Ticket>& waiting = waiting_[peer];
    if (waiting.empty()) turns_.push_back(peer);
    waiting.push_back(ticket);
  }

  // The next ticket that is still wanted. Drops the others on the way.
  template <class Wanted>
  std::optional<Ticket> pop(const Wanted& wanted) {
    while (!turns_.empty()) {
      const auto peer = waiting_.find(turns_.front());
      turns_.pop_front();
      std::optional<Ticket> next;
      while (!next && !peer->second.empty()) {
        if (wanted(peer->second.front())) next = peer->second.front();
        peer->second.pop_front();
      }
      if (peer->second.empty()) {
        waiting_.erase(peer);
      } else {
        turns_.push_back(peer->first);
      }
      if (next) return next;
    }
    return std::nullopt;
  }

  bool empty() const { return turns_.empty(); }

 private:
  std::unordered_map<std::string, std::deque<Ticket>> waiting_;
  std::deque<std::string> turns_;  // peers in waiting_
};

}  // namespace vault
