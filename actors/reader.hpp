// A reader answers queries and proofs, one at a time, each from a snapshot of its own. It connects for the first of
// them, and closes the connection after `idle_timeout` without any.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "actors/actor.hpp"
#include "store/sight.hpp"

namespace vault {

class Reader final : public Actor {
 public:
  // `store` outlives the reader and is used only by its thread. `stopping` ends a long verification early.
  Reader(ActorId id, ReaderStore& store, const std::atomic<bool>& stopping, std::chrono::milliseconds idle_timeout)
      : id_(id), store_(store), stopping_(stopping), idle_timeout_(idle_timeout) {}

  // ReadTask -> ReadAnswer (and ReadProgress before it) to the gateway.
  void handle(Message message, Effects& effects) override;

 private:
  // A task that is given back, and what it waits for.
  struct Wait {
    ReadWait until;
    std::int64_t size = 0;
    std::optional<Error> excuse{};  // the error to send if that does not arrive in time
  };
  // The outcome of a task: a reply, which is a body or an error, or no reply yet.
  using Outcome = std::variant<Result<ReplyBody>, Wait>;
  ReadAnswer answer(ReadTask task, Effects& effects);
  Result<Sight> look(std::int64_t size, Snapshot& snapshot);
  std::optional<Outcome> behind(const ReadTask& task, std::int64_t size, Snapshot& snapshot);
  Outcome beyond(const ReadTask& task, const std::string& field, std::int64_t asked, const Head& head,
                 Snapshot& snapshot);
  Outcome run(ReadTask& task, std::unique_ptr<Snapshot> owned, Effects& effects);
  Outcome run_read(const ReadTask& task, const ReadRequest& request, Snapshot& snapshot);
  Outcome run_verify(ReadTask& task, const VerifyRangeRequest& request, std::unique_ptr<Snapshot> snapshot,
                     Effects& effects);
  Outcome run_proof(const ReadTask& task, const ProofRequest& request, Snapshot& snapshot);
  Outcome run_consistency(const ReadTask& task, const ConsistencyRequest& request, Snapshot& snapshot);
  Outcome run_tile(const ReadTask& task, const TileRequest& request, Snapshot& snapshot);
  Outcome run_bundle(const ReadTask& task, const EntryBundleRequest& request, Snapshot& snapshot);
  Outcome run_sign(const ReadTask& task, const SignTask& request, Snapshot& snapshot);

  ActorId id_;
  ReaderStore& store_;
  const std::atomic<bool>& stopping_;
  std::chrono::milliseconds idle_timeout_;
  // For the current task.
  std::int64_t seen_ = -1;
  bool replica_ = true;
};

}  // namespace vault
