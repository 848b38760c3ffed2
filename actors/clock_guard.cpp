#include "actors/clock_guard.hpp"

#include <cstdlib>

namespace vault {

std::int64_t ClockGuard::Reading::ahead(const Reading& later) const {
  return later.clock.micros - clock.micros -
         std::chrono::duration_cast<std::chrono::microseconds>(later.at - at).count();
}

void ClockGuard::Course::saw(const Reading& reading, std::int64_t bound) {
  if (believed && believed->ahead(reading) > bound) {
    if (!leap || std::abs(leap->ahead(reading)) > bound) leap = reading;
    if (reading.at - leap->at < patience) return;
  }
  // A step back is no leap, and the earlier reading stays believed, so that returning to it is no leap either.
  leap.reset();
  if (!believed || believed->ahead(reading) >= 0) believed = reading;
}

void ClockGuard::Course::believe(const Reading& reading) {
  leap.reset();
  believed = reading;
}

void ClockGuard::saw_database(Timestamp now, Instant at) {
  database_now_ = Reading{now, at};
  database_.saw({now, at}, bound_.count());
}

std::optional<std::string> ClockGuard::distrust(Timestamp now, Instant at) {
  if (!database_now_) return "the database's clock is not known yet";
  saw_own(now, at);
  const std::int64_t skew = database_now_->ahead({now, at});
  if (std::abs(skew) > bound_.count()) {
    return "this machine's clock and the database's differ by " + std::to_string(skew / 1'000) +
           " ms, more than clock_skew_max; sealing waits until they agree";
  }
  if (own_.leap && database_.leap) {
    return "this machine's clock and the database's have both leapt forward, by " +
           std::to_string(own_.believed->ahead({now, at}) / 1'000) +
           " ms, more than clock_skew_max; sealing waits until they are put right, or for 5 minutes if they are not: "
           "were they wrong, all later timestamps would have to follow them";
  }
  // If our clock has leapt and now agrees with one that has not, it was put right. Forget the leap, so that a later
  // leap of the other clock does not find it here.
  if (own_.leap) own_.believe({now, at});
  if (database_.leap) database_.believe(*database_now_);
  return std::nullopt;
}

}  // namespace vault
