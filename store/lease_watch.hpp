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

  // `lease`: whatever changes with every renewal, as it was read at `now`. Who looks for the first time has nothing to
  // go by but the database's own word, `old`.
  bool over(const std::string& lease, bool old, std::chrono::milliseconds timeout, Instant now) {
    if (lease != seen_) {
      over_ = seen_.empty() && old;
      seen_ = lease;
      since_ = now;
    }
    over_ = over_ || now - since_ > timeout;
    return over_;
  }

 private:
  std::string seen_;  // the last one read
  Instant since_{};   // it has not changed
  bool over_ = false;
};

}  // namespace vault
