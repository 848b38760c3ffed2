// The committer owns the session on which the writer's batches are appended. It never waits: the shell watches the
// session's descriptor, and answers go to the writer as they arrive.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

#include "actors/actor.hpp"
#include "store/store.hpp"

namespace vault {

class Committer final : public Actor {
 public:
  // A server that is silent for this long counts as lost; the coordinator then finds out what became of the batch.
  static constexpr std::chrono::seconds answer_timeout{30};

  // UseSession, Append -> writer.
  void handle(Message message, Effects& effects) override;
  Watch watch() const override { return session_ ? session_->watch() : Watch{}; }
  void watched(Effects& effects) override { answer(effects); }
  bool stop(Effects& effects) override;

 private:
  enum Timer : int { patience_timer = 1 };

  void append(Append request, Effects& effects);
  void answer(Effects& effects);
  void wait_for_answer(Effects& effects);

  std::unique_ptr<AppendSession> session_;
  std::deque<std::uint64_t> open_;                  // generations of the batches in the session, oldest first
  std::optional<std::uint64_t> failed_generation_;  // appends up to this generation build on one that did not commit
  std::chrono::steady_clock::time_point waiting_since_;
  bool patience_timer_set_ = false;
};

}  // namespace vault
