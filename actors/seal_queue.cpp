#include "actors/seal_queue.hpp"

#include <algorithm>
#include <utility>

#include "ledger/check.hpp"

namespace vault {
namespace {

// One part in so many stays reserved for producers that hold little, even when others have filled the queue.
constexpr std::size_t reserve_share = 8;

std::size_t without_reserve(std::size_t whole) {
  return whole - whole / reserve_share;
}

std::deque<SealOrder>::iterator find_place(std::deque<SealOrder>& waiting, Ticket ticket) {
  const auto place =
      std::find_if(waiting.begin(), waiting.end(), [ticket](const SealOrder& order) { return order.ticket == ticket; });
  VAULT_CHECK(place != waiting.end());
  return place;
}

}  // namespace

void SealQueue::set_limits(std::size_t seals_max, std::size_t bytes_max) {
  limits_.seals_max = seals_max;
  limits_.bytes_max = bytes_max;
}

Status SealQueue::admit(const std::string& producer, std::size_t seals, std::size_t bytes) const {
  const auto found = producers_.find(producer);
  const std::size_t held = found == producers_.end() ? 0 : found->second.seals;
  const std::size_t held_bytes = found == producers_.end() ? 0 : found->second.bytes;
  const bool holds_little =
      (held + seals <= limits_.seals_max / reserve_share && held_bytes + bytes <= limits_.bytes_max / reserve_share) ||
      producers_.size() <= 1;
  const std::size_t seals_max = holds_little ? limits_.seals_max : without_reserve(limits_.seals_max);
  const std::size_t bytes_max = holds_little ? limits_.bytes_max : without_reserve(limits_.bytes_max);
  if (seals_ + seals <= seals_max && bytes_ + bytes <= bytes_max) return {};
  return fail(ErrorCode::busy, "the writer's queue is full (" + std::to_string(seals_) + " seals, " +
                                   std::to_string(bytes_) + " bytes wait); send it again in a moment");
}

bool SealQueue::has_room() const {
  return seals_ < without_reserve(limits_.seals_max) && bytes_ < without_reserve(limits_.bytes_max);
}

void SealQueue::push(const std::string& producer, SealOrder order) {
  Producer& held = producers_[producer];
  count(held, order.seals.size(), order.bytes);
  held.waiting.push_back(std::move(order));
  take_turn(producer, held);
}

void SealQueue::reserve(const std::string& producer, Ticket ticket, std::size_t bytes) {
  Producer& held = producers_[producer];
  count(held, 1, bytes);
  SealOrder place;
  place.ticket = ticket;
  held.waiting.push_back(std::move(place));
}

void SealQueue::fill(const std::string& producer, SealOrder order) {
  Producer& held = find(producer)->second;
  count(held, order.seals.size(), order.bytes);
  SealOrder& place = *find_place(held.waiting, order.ticket);
  place = std::move(order);
  take_turn(producer, held);
}

void SealQueue::close_place(const std::string& producer, Ticket ticket) {
  const auto held = find(producer);
  const auto place = find_place(held->second.waiting, ticket);
  if (!place->seals.empty()) return;
  held->second.waiting.erase(place);
  take_turn(producer, held->second);
  forget_if_empty(held);
}

std::vector<SealOrder> SealQueue::next() {
  std::vector<SealOrder> orders;
  while (!turns_.empty() && at_writer_ < limits_.writer_seals_max) {
    const std::string name = std::move(turns_.front());
    turns_.pop_front();
    Producer& producer = find(name)->second;
    producer.in_turns = false;
    VAULT_CHECK(!producer.waiting.empty() && !producer.waiting.front().seals.empty());
    at_writer_ += producer.waiting.front().seals.size();
    orders.push_back(std::move(producer.waiting.front()));
    producer.waiting.pop_front();
    take_turn(name, producer);
  }
  return orders;
}

void SealQueue::answered(const std::string& producer, std::size_t seals, std::size_t bytes) {
  at_writer_ -= seals;
  count_off(producer, seals, bytes);
}

void SealQueue::count_off(const std::string& producer, std::size_t seals, std::size_t bytes) {
  const auto held = find(producer);
  VAULT_CHECK(held->second.seals >= seals && held->second.bytes >= bytes);
  seals_ -= seals;
  bytes_ -= bytes;
  held->second.seals -= seals;
  held->second.bytes -= bytes;
  forget_if_empty(held);
}

void SealQueue::count(Producer& producer, std::size_t seals, std::size_t bytes) {
  seals_ += seals;
  bytes_ += bytes;
  producer.seals += seals;
  producer.bytes += bytes;
}

void SealQueue::take_turn(const std::string& name, Producer& producer) {
  if (producer.in_turns || producer.waiting.empty() || producer.waiting.front().seals.empty()) return;
  producer.in_turns = true;
  turns_.push_back(name);
}

void SealQueue::forget_if_empty(Producers::iterator producer) {
  if (producer->second.seals == 0 && producer->second.waiting.empty()) producers_.erase(producer);
}

SealQueue::Producers::iterator SealQueue::find(const std::string& name) {
  const auto producer = producers_.find(name);
  VAULT_CHECK(producer != producers_.end());
  return producer;
}

}  // namespace vault
