#include "actors/lease_keeper.hpp"

#include <algorithm>

#include "os/log.hpp"

namespace vault {

using std::chrono::milliseconds;

void LeaseKeeper::handle(Message message, Effects& effects) {
  receive<LeaseKeeperInbox>(
      std::move(message),  //
      [&](KeepLease& lease) { keep(lease, effects); },
      [&](TimerFired& timer) {
        if (timer.id == rest_timer) {
          if (epoch_ == 0) store_.rest();
          return;
        }
        timer_set_ = false;
        renew(effects);
      },
      [&](ConfirmLease& confirm) {
        Status status = store_.confirm(lease_, confirm.epoch, confirm.at_least_sequence);
        if (epoch_ == 0) effects.set_timer(rest_timer, lease_.timeout);  // requested for a lease that is gone by now
        // The database's clock may have been set back since.
        if (status && confirm.epoch == epoch_ && effects.clock() - held_at_ > lease_.timeout) {
          status = fail(ErrorCode::forbidden, "the lease has not been renewed in time");
        }
        effects.send(to::notary, LeaseConfirmed{confirm.epoch, confirm.at_least_sequence, std::move(status)});
      });
}

// A lease that has just been taken is renewed at once: the answer that granted it may have been under way for most of
// its timeout.
void LeaseKeeper::keep(const KeepLease& lease, Effects& effects) {
  if (lease.epoch != epoch_) {
    held_at_ = lease.at;
    renewed_at_ = lease.at - renew_interval_;
    timer_set_ = false;
  }
  epoch_ = lease.epoch;
  progress_at_ = lease.at;
  if (epoch_ == 0) return effects.set_timer(rest_timer, lease_.timeout);
  if (timer_set_) return;
  const auto left = renew_interval_ - (effects.clock() - renewed_at_);
  effects.set_timer(renew_timer, std::max(milliseconds(0), std::chrono::ceil<milliseconds>(left)));
  timer_set_ = true;
}

// A message may have waited in the mailbox for a while, so progress carries its own time.
void LeaseKeeper::renew(Effects& effects) {
  if (epoch_ == 0 || effects.clock() - progress_at_ > lease_.timeout / 2)
    return;  // until the writer reports progress again
  renewed_at_ = effects.clock();
  auto renewal = store_.renew(lease_.instance, epoch_);
  if (renewal) held_at_ = renewed_at_;
  if (renewal) log_trace("lease_keeper", "lease renewed", {{"epoch", epoch_}});
  effects.send(to::writer, LeaseRenewed{epoch_, std::move(renewal)});
  effects.set_timer(renew_timer, renew_interval_);
  timer_set_ = true;
}

}  // namespace vault
