// Staying awake around a lone seal.
//
// A processor with nothing to do falls asleep at once, and waking it takes longer (20 us and more on a virtual machine)
// than most of what the threads do that a lone seal passes through. So the thread that waits for the database looks
// again and again instead of sleeping: while a small commit is under way, and for a moment after it, since the next
// seal may follow. Both end after `longest`. Where commits take longer than that, it gives up but for a trial now and
// then.
//
// If this process may use just two processors, the same is done for the other one, on which everything runs that is not
// this thread: a second thread keeps it awake. With more of them nobody knows which one to keep awake, and there is
// none.
#pragma once

#include <sched.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include "store/store.hpp"

namespace vault {

// All functions are for the thread that waits.
class Vigil {
 public:
  using Clock = std::chrono::steady_clock;

  // `longest`: for what is expected soon, and once more after it has come. Zero: never awake.
  explicit Vigil(std::chrono::microseconds longest) : longest_(longest) {}
  ~Vigil();  // joins
  Vigil(const Vigil&) = delete;
  Vigil& operator=(const Vigil&) = delete;

  // Before every wait: is it to be done awake? `expect`: what the database owes now, for its `batch`th batch.
  bool holds(Clock::time_point now, Expect expect, std::uint64_t batch);
  // In every turn of a wait that is done awake; false when it is time to sleep. May move the caller to the other
  // processor.
  bool keep(Clock::time_point now);
  // When the caller sleeps or has other work. Cheap where nothing is to be ended.
  void end();

  // It runs on the processor that is not the caller's, since the first wait awake.
  bool has_second_thread() const { return second_.joinable() && !useless_.load(std::memory_order_relaxed); }

 private:
  // The caller's side.
  void judge(bool in_time);
  bool worthwhile();
  void look_for_company(Clock::time_point now);
  void change_over();
  void keep_other_awake();
  void start_second();
  // The second thread's.
  void run_second();
  bool watch();
  int kept_awake_ = -1;  // the processor to which it keeps

  const std::chrono::microseconds longest_;
  Expect expect_ = Expect::nothing;
  std::uint64_t batch_ = 0;
  Clock::time_point until_{};
  int late_in_a_row_ = 0;  // answers
  unsigned trials_skipped_ = 0;

  // Somebody else has had the waiting thread's processor.
  Clock::time_point last_turn_{};
  bool had_company_ = false;  // while it expected an answer
  int times_in_company_ = 0;  // answers in a row

  bool looked_ = false;                            // for processors
  std::optional<std::pair<int, int>> processors_;  // if there are just two
  std::thread second_;
  std::atomic<std::uint32_t> calls_{0};  // to watch; the second thread sleeps on it
  std::atomic<Clock::rep> watch_until_{0};
  std::atomic<int> processor_of_caller_{-1};
  std::atomic<bool> useless_{false};  // the second thread cannot get to the other processor, and has ended
  std::atomic<bool> leaving_{false};
};

}  // namespace vault
