// The coordinator performs the database work for which the writer and the notary must wait: taking the lease, resolving
// a commit in doubt, look-ups by seal_id, checkpoints. It has a thread and a session of its own, so that none of this
// holds up an append. The session is closed after `idle_timeout` without work.
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
  // `store` outlives the coordinator and is used only by its thread. `prepare` runs before each request for the lease
  // until it succeeds once: it checks the server and the schema. invalid_argument from it is fatal; unavailable means
  // try again.
  Coordinator(WriterStore& store, LeaseRequest lease, std::chrono::milliseconds idle_timeout,
              std::function<Status()> prepare = {})
      : store_(store), lease_(std::move(lease)), idle_timeout_(idle_timeout), prepare_(std::move(prepare)) {}

  // TakeLease, Resolve, FindSeals -> writer; StoreCheckpoint, ReadTree, ReportContradiction -> notary.
  void handle(Message message, Effects& effects) override;
  // Gives up the lease, if it was ours.
  bool stop(Effects& effects) override;

 private:
  LeaseOutcome take_lease(Effects& effects);

  WriterStore& store_;
  LeaseRequest lease_;
  std::chrono::milliseconds idle_timeout_;
  std::function<Status()> prepare_;
  std::optional<std::int64_t> epoch_;  // of a lease that is believed to be ours
};

}  // namespace vault
