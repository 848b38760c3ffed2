#include "actors/vigil.hpp"

#include <pthread.h>
#include <sched.h>

#include <initializer_list>
#include <vector>

namespace vault {
namespace {

// A turn of waiting takes 2 us.
constexpr std::chrono::microseconds turn_alone_max{15};
constexpr int times_in_company_max = 3;

std::vector<int> processors_allowed() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> processors;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return processors;
  for (int i = 0; i < CPU_SETSIZE; ++i) {
    if (CPU_ISSET(i, &set)) processors.push_back(i);
  }
  return processors;
}

// Of the calling thread. If it fails, the thread stays where it is, and that is all.
void allow(std::initializer_list<int> processors) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int processor : processors) CPU_SET(processor, &set);
  (void)sched_setaffinity(0, sizeof set, &set);
}

int other_than(const std::pair<int, int>& processors, int processor) {
  return processor == processors.first ? processors.second : processors.first;
}

}  // namespace

Vigil::~Vigil() {
  if (!second_.joinable()) return;
  order_ = Order::leave;
  order_.notify_one();
  second_.join();
}

bool Vigil::holds(Clock::time_point now, Expect expect) {
  const Expect before = std::exchange(expect_, expect);
  const auto until_before = until_;
  const bool begins = expect == Expect::soon && before != Expect::soon;
  const bool has_come = expect == Expect::nothing && before == Expect::soon;
  if (begins || has_come) until_ = now + longest_;
  if (expect == Expect::later) until_ = {};  // much is being done, and whoever does it needs the processors
  if (before == Expect::soon && expect != Expect::soon) {
    if (now < until_before) waited_in_vain_ = false;
    times_in_company_ = std::exchange(had_company_, false) ? times_in_company_ + 1 : 0;
    if (times_in_company_ == times_in_company_max) change_over();
  }
  last_turn_ = {};
  return now < until_;
}

bool Vigil::keep(Clock::time_point now) {
  if (now >= until_) {
    if (expect_ == Expect::soon) has_waited_in_vain();
    return false;
  }
  look_for_company(now);
  keep_other_awake();
  return true;
}

void Vigil::end() {
  if (second_.joinable()) order_.store(Order::sleep, std::memory_order_relaxed);
}

// --- The waiting thread's processor ----------------------------------------------------------------------------------

// Who runs there while an answer is expected is most likely the one who makes it.
void Vigil::look_for_company(Clock::time_point now) {
  if (expect_ == Expect::soon && last_turn_ != Clock::time_point{} && now - last_turn_ > turn_alone_max) {
    had_company_ = true;
  }
  last_turn_ = now;
}

// Yielding does not always let another thread run, and then the one that was to answer has stood behind this one. Or
// answers take long here; then changing over did not help, and is not tried again until one has come in time.
void Vigil::has_waited_in_vain() {
  if (!std::exchange(waited_in_vain_, true)) change_over();
}

// Goes where the other thread has been, which gives way. From then on it is the scheduler's business again.
void Vigil::change_over() {
  times_in_company_ = 0;
  if (!processors_) return;
  allow({other_than(*processors_, sched_getcpu())});
  allow({processors_->first, processors_->second});
}

// --- The other processor ---------------------------------------------------------------------------------------------

void Vigil::keep_other_awake() {
  if (!std::exchange(looked_, true)) {
    if (const auto allowed = processors_allowed(); allowed.size() == 2) {
      processors_.emplace(allowed[0], allowed[1]);
      processor_of_waiting_ = sched_getcpu();
      second_ = std::thread([this] { run_second(); });
      pthread_setname_np(second_.native_handle(), "vigil");
    }
  }
  if (!processors_) return;
  processor_of_waiting_.store(sched_getcpu(), std::memory_order_relaxed);
  if (order_.load(std::memory_order_relaxed) == Order::watch) return;
  order_ = Order::watch;
  order_.notify_one();
}

void Vigil::run_second() {
  int processor = -1;
  for (;;) {
    const Order order = order_.load();
    if (order == Order::leave) return;
    if (order == Order::sleep) {
      order_.wait(Order::sleep);
      continue;
    }
    const int other = other_than(*processors_, processor_of_waiting_.load(std::memory_order_relaxed));
    if (other != processor) allow({processor = other});
    sched_yield();  // whoever has something to do goes first
  }
}

}  // namespace vault
