#include "actors/audit_pace.hpp"

#include <algorithm>
#include <cmath>

namespace vault {

using std::chrono::milliseconds;

namespace {

constexpr milliseconds pause_set{1'000};
constexpr milliseconds pause_min{50};
constexpr double credit_seconds_set = 1.0;
constexpr double credit_seconds_growing = 10.0;

}  // namespace

void AuditPace::saw_head(std::int64_t head, Time now) {
  if (head_ < 0) {
    credit_ = rate() * credit_seconds_set;
  } else {
    const double seconds = std::max(std::chrono::duration<double>(now - seen_at_).count(), 0.001);
    const double growth = static_cast<double>(std::max<std::int64_t>(head - head_, 0)) / seconds;
    growth_ += (growth - growth_) * (1 - std::exp(-seconds / growth_memory.count()));
    credit_ += rate() * seconds;
  }
  credit_ = std::min(credit_, rate() * (growing() ? credit_seconds_growing : credit_seconds_set));
  head_ = head;
  seen_at_ = now;
}

void AuditPace::verified(std::int64_t rows, milliseconds took) {
  credit_ = std::max(0.0, credit_ - static_cast<double>(rows));
  took_ = took;
}

milliseconds AuditPace::pause() const {
  if (!growing() || credit_ < 1) return pause_set;
  return std::clamp(took_, pause_min, pause_set);
}

}  // namespace vault
