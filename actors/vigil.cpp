#include "actors/vigil.hpp"

#include <pthread.h>
#include <unistd.h>

#include <system_error>
#include <vector>

#include "actors/log.hpp"

namespace vault {
namespace {

// A turn of waiting takes 2 us.
constexpr std::chrono::microseconds turn_alone_max{15};
constexpr int times_in_company_max = 3;
// After so many late answers in a row only every so many seals are waited for awake.
constexpr int late_in_a_row_max = 4;
constexpr unsigned trial_every = 16;

std::vector<int> members(const cpu_set_t& set) {
  std::vector<int> processors;
  for (int i = 0; i < CPU_SETSIZE; ++i) {
    if (CPU_ISSET(i, &set)) processors.push_back(i);
  }
  return processors;
}

// Nothing where there are so many that they do not fit.
std::optional<cpu_set_t> processors_allowed() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return std::nullopt;
  return set;
}

// Of the calling thread; false where that is refused.
bool allow(const cpu_set_t& set) {
  return sched_setaffinity(0, sizeof set, &set) == 0;
}

cpu_set_t only(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  return set;
}

// Where nothing had been narrowed, all there are and all there will be.
cpu_set_t as_it_was(const cpu_set_t& before) {
  if (CPU_COUNT(&before) != sysconf(_SC_NPROCESSORS_ONLN)) return before;
  cpu_set_t all;
  CPU_ZERO(&all);
  for (int i = 0; i < CPU_SETSIZE; ++i) CPU_SET(i, &all);
  return all;
}

int other_than(const std::pair<int, int>& processors, int processor) {
  return processor == processors.first ? processors.second : processors.first;
}

}  // namespace

Vigil::~Vigil() {
  if (!second_.joinable()) return;
  leaving_ = true;
  end();
  ++calls_;
  calls_.notify_one();
  second_.join();
}

bool Vigil::holds(Clock::time_point now, Expect expect, std::uint64_t batch) {
  const bool expected = expect_ == Expect::soon;
  const bool answered = expected && (expect != Expect::soon || batch != batch_);
  if (answered) judge(now < until_);
  const bool begins = expect == Expect::soon && (answered || !expected);
  const bool has_come = expect == Expect::nothing && answered;
  if (begins || has_come) until_ = worthwhile() ? now + longest_ : Clock::time_point{};
  if (expect == Expect::later) until_ = {};  // much is being done, and whoever does it needs the processors
  expect_ = expect;
  batch_ = batch;
  last_turn_ = {};
  return now < until_;
}

bool Vigil::keep(Clock::time_point now) {
  if (now >= until_) {
    // Yielding does not always let others run, and then the one who was to answer has stood behind this thread. Or
    // answers take long here: then it is not tried a second time.
    if (expect_ == Expect::soon && late_in_a_row_ == 0) change_over();
    return false;
  }
  look_for_company(now);
  keep_other_awake();
  return true;
}

void Vigil::end() {
  watch_until_.store(0, std::memory_order_relaxed);
}

void Vigil::judge(bool in_time) {
  late_in_a_row_ = in_time ? 0 : late_in_a_row_ + 1;
  times_in_company_ = std::exchange(had_company_, false) ? times_in_company_ + 1 : 0;
  if (times_in_company_ == times_in_company_max) change_over();
}

bool Vigil::worthwhile() {
  return late_in_a_row_ < late_in_a_row_max || ++trials_skipped_ % trial_every == 0;
}

// --- The caller's processor ------------------------------------------------------------------------------------------

// Who runs there while an answer is expected is most likely the one who makes it.
void Vigil::look_for_company(Clock::time_point now) {
  if (expect_ == Expect::soon && last_turn_ != Clock::time_point{} && now - last_turn_ > turn_alone_max) {
    had_company_ = true;
  }
  last_turn_ = now;
}

// Goes where the second thread has been, which gives way. From then on it is the scheduler's business again.
void Vigil::change_over() {
  times_in_company_ = 0;
  if (!has_second_thread()) return;
  const auto before = processors_allowed();
  if (!before || members(*before).size() != 2) return;
  if (allow(only(other_than(*processors_, sched_getcpu())))) (void)allow(as_it_was(*before));
}

// --- The other processor ---------------------------------------------------------------------------------------------

void Vigil::keep_other_awake() {
  if (!std::exchange(looked_, true)) start_second();
  if (!has_second_thread()) return;
  processor_of_caller_.store(sched_getcpu(), std::memory_order_relaxed);
  const Clock::rep until = until_.time_since_epoch().count();
  if (watch_until_.load(std::memory_order_relaxed) == until) return;
  watch_until_.store(until, std::memory_order_relaxed);
  ++calls_;
  calls_.notify_one();
}

void Vigil::start_second() {
  const auto allowed = processors_allowed();
  if (!allowed || CPU_COUNT(&*allowed) != 2) return;
  const auto processors = members(*allowed);
  processors_.emplace(processors[0], processors[1]);
  try {
    second_ = std::thread([this] { run_second(); });
    pthread_setname_np(second_.native_handle(), "vigil");
  } catch (const std::system_error& error) {
    log_warning("vigil", "no second thread", {{"reason", error.what()}});  // a lone seal takes a little longer
  }
}

void Vigil::run_second() {
  for (;;) {
    const std::uint32_t calls = calls_.load();
    if (leaving_.load()) return;
    if (!watch()) {
      useless_ = true;
      return;
    }
    calls_.wait(calls);
  }
}

// False if this thread is not let onto the other processor: beside the caller it would only be in the way.
bool Vigil::watch() {
  while (Clock::now().time_since_epoch().count() < watch_until_.load(std::memory_order_relaxed)) {
    const int other = other_than(*processors_, processor_of_caller_.load(std::memory_order_relaxed));
    if (other != kept_awake_ || sched_getcpu() != other) {
      if (!allow(only(other)) || sched_getcpu() != other) return false;
      kept_awake_ = other;
    }
    sched_yield();  // whoever has something to do goes first
  }
  return true;
}

}  // namespace vault
