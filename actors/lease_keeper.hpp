// The lease keeper renews the writer's lease, and says on request whether it is still ours. It has a thread and a
// session of its own, so that nothing the writer waits for delays a renewal: not a look-up, not a long round, not a
// commit that waits for a standby. It renews only while the sealing thread makes progress: a stuck one must not keep a
// standby from taking over. Its session is closed when there has been no lease to keep for as long as one lasts.
#pragma once

#include <chrono>
#include <cstdint>
#include <utility>

#include "actors/actor.hpp"
#include "store/store.hpp"

namespace vault {

class LeaseKeeper final : public Actor {
 public:
  // `store` outlives the keeper and is used only by its thread.
  LeaseKeeper(LeaseStore& store, LeaseRequest lease, std::chrono::milliseconds renew_interval)
      : store_(store), lease_(std::move(lease)), renew_interval_(renew_interval) {}

  // KeepLease -> LeaseRenewed to the writer, every `renew_interval`; ConfirmLease -> LeaseConfirmed to the notary.
  void handle(Message message, Effects& effects) override;

 private:
  enum Timer : int { renew_timer = 1, rest_timer };

  void keep(const KeepLease& lease, Effects& effects);
  void renew(Effects& effects);

  LeaseStore& store_;
  LeaseRequest lease_;
  std::chrono::milliseconds renew_interval_;
  std::int64_t epoch_ = 0;                               // 0: nothing to renew
  std::chrono::steady_clock::time_point progress_at_{};  // when the sealing thread last reported progress
  std::chrono::steady_clock::time_point renewed_at_{};   // last attempt
  std::chrono::steady_clock::time_point held_at_{};      // when the last successful renewal was requested
  bool timer_set_ = false;
};

}  // namespace vault
