// The seals that producers have sent and that are not answered yet: bounded, in each producer's order, and handed to
// the writer one order per producer in turn, so that a busy producer delays the others by one order at most.
//
// Belongs to the gateway and its thread; sends nothing.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "actors/message.hpp"

namespace vault {

struct SealQueueLimits {
  // Not answered yet, here or at the writer. An eighth of either is kept for producers that hold little.
  std::size_t seals_max = 65'536;
  std::size_t bytes_max = std::size_t{256} << 20;
  std::size_t writer_seals_max = 4'000;  // handed to the writer and not answered
};

class SealQueue {
 public:
  explicit SealQueue(const SealQueueLimits& limits) : limits_(limits) {}

  // Holds for what comes from now on; nothing that is queued is dropped.
  void set_limits(std::size_t seals_max, std::size_t bytes_max);

  // --- In ------------------------------------------------------------------------------------------------------------
  // `producer` is the peer's routing id; "" is ingest.

  // Error: busy. A producer that holds much is refused earlier than one that holds little.
  Status admit(const std::string& producer, std::size_t seals, std::size_t bytes) const;
  // False: ingest must wait in the producers' own queues.
  bool has_room() const;
  // Takes an order that has been admitted. `order.bytes` counts.
  void push(const std::string& producer, SealOrder order);

  // A message that is still being decoded keeps its place among its producer's orders: those behind it wait. It counts
  // as one seal of `bytes`, until count_off().
  void reserve(const std::string& producer, Ticket ticket, std::size_t bytes);
  // Fills a reserved place with the decoded seals and counts those.
  void fill(const std::string& producer, SealOrder order);
  // The message has been dealt with. If nothing was filled in, its place is given up. Precondition: reserved.
  void close_place(const std::string& producer, Ticket ticket);

  // --- Out -----------------------------------------------------------------------------------------------------------

  // Takes the next orders, as many as the writer has room for.
  std::vector<SealOrder> next();
  // The writer has answered an order of this size.
  void answered(const std::string& producer, std::size_t seals, std::size_t bytes);
  // Stops counting a reservation.
  void count_off(const std::string& producer, std::size_t seals, std::size_t bytes);

  std::size_t seals() const { return seals_; }
  std::size_t bytes() const { return bytes_; }
  std::size_t at_writer() const { return at_writer_; }  // of seals()

 private:
  struct Producer {
    std::deque<SealOrder> waiting;     // one without seals is a reserved place
    std::size_t seals = 0, bytes = 0;  // held, here or at the writer
    bool in_turns = false;
  };
  using Producers = std::unordered_map<std::string, Producer>;

  void count(Producer& producer, std::size_t seals, std::size_t bytes);
  void take_turn(const std::string& name, Producer& producer);
  void forget_if_empty(Producers::iterator producer);
  Producers::iterator find(const std::string& name);

  SealQueueLimits limits_;
  Producers producers_;
  std::deque<std::string> turns_;  // producers whose first order may be handed over
  std::size_t seals_ = 0, bytes_ = 0, at_writer_ = 0;
};

}  // namespace vault
