#include "actors/reader_pool.hpp"

#include <algorithm>
#include <utility>

#include "ledger/check.hpp"

namespace vault {

std::optional<std::size_t> ReaderPool::free() const {
  for (std::size_t i = 0; i < readers_.size(); ++i) {
    if (!readers_[i].since && readers_[i].lost.empty()) return i;
  }
  return std::nullopt;
}

std::optional<std::size_t> ReaderPool::due_for_probe(Instant now, bool wanted) {
  if (!probes_) return std::nullopt;
  if (!any_lost(now)) {
    if (!watch_at_) watch_at_ = now + probe_interval;
    return now >= *watch_at_ ? free() : std::nullopt;
  }
  for (std::size_t i = 0; i < readers_.size(); ++i) {
    One& one = readers_[i];
    if (!one.idle_at) one.idle_at = now;
    const auto interval = wanted && !one.lost.empty() ? wanted_interval : probe_interval;
    if (!one.since && now - *one.idle_at >= interval) return i;
  }
  return std::nullopt;
}

bool ReaderPool::hopeful(Instant now) const {
  return std::any_of(readers_.begin(), readers_.end(), [now](const One& one) {
    return one.since ? now - *one.since < probe_patience : !one.idle_at || now - *one.idle_at >= wanted_interval;
  });
}

void ReaderPool::hurry() {
  for (One& one : readers_) {
    if (!one.lost.empty()) one.idle_at = Instant{};
  }
}

void ReaderPool::seen(bool there, Instant now) {
  const Instant until = there ? now + seen_interval : now;
  if (!there || !watch_at_ || until > *watch_at_) watch_at_ = until;
}

void ReaderPool::begin(std::size_t reader, Instant now) {
  VAULT_CHECK(!readers_.at(reader).since);
  readers_[reader].since = now;
  watch_at_ = std::max(watch_at_.value_or(now), now + probe_interval);  // if it does not answer, another one is asked
}

std::chrono::nanoseconds ReaderPool::end(std::size_t reader, std::string lost, Instant now) {
  One& one = readers_.at(reader);
  VAULT_CHECK(one.since);
  const auto took = now - *one.since;
  one.since.reset();
  one.idle_at = now;
  one.lost = std::move(lost);
  watch_at_ = std::max(watch_at_.value_or(now), now + probe_interval);
  return took;
}

bool ReaderPool::any_lost(Instant now) const {
  return std::any_of(readers_.begin(), readers_.end(), [now](const One& one) {
    return !one.lost.empty() || (one.since && now - *one.since >= silence_max);
  });
}

ReaderPool::Health ReaderPool::health(Instant now) const {
  Health health;
  for (const One& one : readers_) {
    const bool silent = one.since && now - *one.since >= silence_max;
    if (!silent && one.lost.empty()) continue;
    if (++health.lost > 1) continue;
    health.reason = one.lost.empty() ? "no answer for " + std::to_string(silence_max.count()) + " s" : one.lost;
  }
  return health;
}

}  // namespace vault
