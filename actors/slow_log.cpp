#include "actors/slow_log.hpp"

#include <utility>

#include "os/log.hpp"
#include "wire/request_label.hpp"

namespace vault {
namespace {

constexpr std::chrono::seconds quiet_for{10};

}  // namespace

bool SlowLog::note(const RequestId& id, std::string_view op, Ticket ticket, Instant since, Instant now) {
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(now - since);
  if (!is_on() || took <= limit_) return false;
  if (told_at_ && now - *told_at_ < quiet_for) {
    ++unsaid_;
    return true;
  }
  told_at_ = now;
  log_warning("gateway", "slow request",
              {{"op", op},
               {"ms", took.count()},
               {"id", label_of(id)},
               {"ticket", ticket},
               {"more_before", std::exchange(unsaid_, 0)}});
  return true;
}

}  // namespace vault
