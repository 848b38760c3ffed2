// Decides when a lease held by another vaultd may be taken: when it has not been renewed for its timeout, by the clock
// of the observing machine. By the database's clock alone, the lease would last longer by as much as that clock is set
// back, and would seem expired when it is set forward. This only decides when to try; the epoch is what prevents two
// writers.
#pragma once

#include <chrono>
#include <string>

namespace vault {

class LeaseWatch {
 public:
  using Instant = std::chrono::steady_clock::time_point;

  // `lease`: text that changes with every renewal, as read at `now`. `old`: the lease has expired by the database's
  // clock. That is believed of the first lease read once it has stood still for half its timeout, during which a live
  // writer would have renewed it: so a starting vaultd need not wait the whole timeout for a writer that disappeared
  // long ago.
  bool over(const std::string& lease, bool old, std::chrono::milliseconds timeout, Instant now) {
    if (lease != seen_) {
      said_to_be_old_ = seen_.empty() && old;
      seen_ = lease;
      since_ = now;
    }
    return now - since_ > (said_to_be_old_ ? timeout / 2 : timeout);
  }

 private:
  std::string seen_;  // the last one read
  Instant since_{};   // since when it has not changed
  bool said_to_be_old_ = false;
};

}  // namespace vault
