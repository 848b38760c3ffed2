// Staying awake around a lone seal.
//
// A processor with nothing to do falls asleep at once, and waking it takes longer (20 us and more on a virtual machine)
// than most of what the threads do that a lone seal passes through. So the thread that waits for the database looks
// again and again instead of sleeping: while a small commit is under way, and for a moment after it, since the next
// seal may follow.
//
// Where there are just two processors, the same is done for the other one, on which everything runs that is not this
// thread: a second thread keeps it awake. Where there are more, nobody knows which one to keep awake, and there is
// none.
#pragma once

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

  // Before every wait: is it to be done awake? `expect`: what the database owes now.
  bool holds(Clock::time_point now, Expect expect);
  // In every turn of a wait that is done awake; false when it is time to sleep.
  bool keep(Clock::time_point now);
  // Before sleeping. Cheap where nothing is to be ended.
  void end();

  // On two processors only, and once the first wait has been awake.
  bool has_second_thread() const { return second_.joinable(); }

 private:
  enum class Order : int { sleep, watch, leave };

  void look_for_company(Clock::time_point now);
  void has_waited_in_vain();
  void change_over();
  void keep_other_awake();
  void run_second();

  const std::chrono::microseconds longest_;
  Expect expect_ = Expect::nothing;
  Clock::time_point until_{};

  // Somebody else has had the waiting thread's processor.
  Clock::time_point last_turn_{};
  bool had_company_ = false;  // while it expected an answer
  int times_in_company_ = 0;  // answers in a row
  bool waited_in_vain_ = false;

  bool looked_ = false;                            // for processors
  std::optional<std::pair<int, int>> processors_;  // if there are just two
  std::atomic<Order> order_{Order::sleep};
  std::atomic<int> processor_of_waiting_{-1};
  std::thread second_;
};

}  // namespace vault
