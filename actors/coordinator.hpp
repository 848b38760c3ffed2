// The coordinator does what the writer and the notary must wait for at the database: taking the lease, a commit in
// doubt, look-ups by seal_id, checkpoints. It has a thread and a session of its own, so that none of it holds up an
// append. The session is closed where nothing has been asked for `idle_timeout`.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include "actors/actor.hpp"
#include "store/store.hpp"

namespace vault {

class Coordinator final : public Actor {
 public:
  // `store` outlives the coordinator and is used by its thread alone. `prepare` runs before a lease is asked for, until
  // it succeeds once: it checks the server and the schema. Its invalid_argument is fatal, its unavailable is waited
  // out.
  Coordinator(WriterStore& store, LeaseRequest lease, std::chrono::milliseconds idle_timeout,
              std::function<Status()> prepare = {})
      : store_(store), lease_(std::move(lease)), idle_timeout_(idle_timeout), prepare_(std::move(prepare)) {}

  // TakeLease, Resolve, FindSeals -> writer; StoreCheckpoint, ReadTree, TellContradiction -> notary.
  void handle(Message message, Effects& effects) override;
  // Gives the lease up, if it was ours.
  bool stop(Effects& effects) override;

 private:
  LeaseOutcome take_lease(Effects& effects);

  WriterStore& store_;
  LeaseRequest lease_;
  std::chrono::milliseconds idle_timeout_;
  std::function<Status()> prepare_;
  std::optional<std::int64_t> epoch_;  // of a lease believed to be ours
};

}  // namespace vault
