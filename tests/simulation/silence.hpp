// Measures how long a writer has had no answer to a batch, from the messages that it sends and receives. A writer that
// gets no answers must let its lease expire.
#pragma once

#include <cstdint>
#include <variant>

#include "actors/message.hpp"
#include "tests/simulation/report.hpp"

namespace vault::sim {

class Silence {
 public:
  Silence(Micros lease_timeout, Coverage& coverage) : lease_timeout_(lease_timeout), coverage_(coverage) {}

  // The writer sends a message.
  void sent(const Message& message, Micros now) {
    if (std::holds_alternative<UseSession>(message)) {
      owed_ = 0;
    } else if (const auto* append = std::get_if<Append>(&message)) {
      if (append->generation != generation_) owed_ = 0;  // whatever was in flight has been requeued
      generation_ = append->generation;
      if (owed_++ == 0) since_ = now;
    } else if (const auto* keep = std::get_if<KeepLease>(&message); keep && keep->epoch > 0) {
      require(owed_ == 0 || now - since_ <= lease_timeout_, "a lease is kept for a writer that gets no answer");
    }
  }
  // The writer receives a message.
  void heard(const Message& message, Micros now) {
    const auto* answer = std::get_if<AppendAnswer>(&message);
    if (!answer || answer->generation != generation_ || owed_ == 0) return;
    if (now - since_ > lease_timeout_) ++coverage_["append.silent_beyond_lease"];
    owed_ = answer->outcome.kind == AppendKind::committed ? owed_ - 1 : 0;
    since_ = now;
  }

 private:
  Micros lease_timeout_;
  Coverage& coverage_;
  std::uint64_t generation_ = 0;
  std::size_t owed_ = 0;  // answers
  Micros since_ = 0;
};

}  // namespace vault::sim
