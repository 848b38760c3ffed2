// A reader answers queries and proofs, one at a time, each from a snapshot of its own.
#pragma once

#include <atomic>
#include <string>

#include "actors/actor.hpp"
#include "store/store.hpp"

namespace vault {

class Reader final : public Actor {
 public:
  // `store` outlives the reader and is used by its thread alone. `stopping` ends a long verification early.
  Reader(ActorId id, ReaderStore& store, const std::atomic<bool>& stopping)
      : id_(id), store_(store), stopping_(stopping) {}

  // ReadTask -> ReadAnswer (and ReadProgress before it) to the gateway; SliceRequest -> TreeSlice to the notary.
  void handle(Message message, Effects& effects) override;

 private:
  // What a task comes to: a body for the reply, an error, or the tree size it must wait for.
  struct Outcome {
    Result<ReplyBody> body;
    std::int64_t wait_for_size = 0;
  };
  Outcome run(const ReadTask& task, Effects& effects);
  Outcome run_read(const ReadRequest& request, Snapshot& snapshot);
  Outcome run_verify(const ReadTask& task, const VerifyRangeRequest& request, Effects& effects);
  Outcome run_proof(const ReadTask& task, const ProofRequest& request, Snapshot& snapshot);
  Outcome run_consistency(const ReadTask& task, const ConsistencyRequest& request, Snapshot& snapshot);
  Outcome run_sign(const ReadTask& task, const SignTask& request, Snapshot& snapshot);
  TreeSlice slice(const SliceRequest& request);

  ActorId id_;
  ReaderStore& store_;
  const std::atomic<bool>& stopping_;
};

}  // namespace vault
