// The committer owns the writer's database session and does what blocks there, one request after the other, so that the
// writer never waits for Postgres.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "actors/actor.hpp"
#include "store/store.hpp"

namespace vault {

class Committer final : public Actor {
 public:
  // `store` outlives the committer and is used by its thread alone. `prepare` runs before a lease is asked for, until
  // it succeeds once: it checks the server and the schema. Its invalid_argument is fatal, its unavailable is waited out.
  Committer(WriterStore& store, LeaseRequest lease, std::function<Status()> prepare = {})
      : store_(store), lease_(std::move(lease)), prepare_(std::move(prepare)) {}

  // TakeLease, RenewLease, Append, Resolve, FindSeals -> writer; StoreCheckpoint -> notary.
  void handle(Message message, Effects& effects) override;
  // Gives the lease up, if it was ours.
  bool stop(Effects& effects) override;

 private:
  LeaseOutcome take_lease(Effects& effects);
  AppendOutcome append(const Append& request);

  WriterStore& store_;
  LeaseRequest lease_;
  std::function<Status()> prepare_;
  std::optional<std::int64_t> epoch_;               // of a lease believed to be ours
  std::optional<std::uint64_t> failed_generation_;  // appends up to this one build on one that did not commit
};

}  // namespace vault
