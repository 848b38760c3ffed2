// When a lease that somebody else holds may be taken: when it has not been renewed for its timeout, by the clock of the
// machine that looks on. By the database's clock alone it would last as long as that clock is set back, and would seem
// over when it is set forward. It only says when to try: what keeps two from writing is the epoch.
#pragma once

#include <chrono>
#include <string>

namespace vault {

class LeaseWatch {
 public:
  using Instant = std::chrono::steady_clock::time_point;

  // `lease`: whatever changes with every renewal, as it was read at `now`. `old`: by the database's clock it is over.
  // That is believed of the first lease that is read, once it has stood still for half its timeout, in which a writer
  // that lives renews it: a starting vaultd need not wait the whole timeout for a writer that was gone long ago.
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
  Instant since_{};   // it has not changed
  bool said_to_be_old_ = false;
};

}  // namespace vault
