// Resident memory and processor time of a run's processes, from /proc.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <thread>

namespace vault::bench {

// Resident and peak resident memory in MiB; 0 if the process is gone.
double resident_mib(pid_t pid);
double peak_resident_mib(pid_t pid);

// Processor seconds used so far, by "process/thread": this process as "vault-bench", `vaultd` by its threads' names
// (-1: none), and the PostgreSQL below this process ("postgres backend", "postgres background").
inline constexpr const char* backend_processes = "postgres backend";
using ProcessorTimes = std::map<std::string, double>;
ProcessorTimes processor_times(pid_t vaultd);
// Microseconds used between the two per unit, for `units`; negligible ones are left out.
std::map<std::string, double> micros_per_unit(const ProcessorTimes& before, const ProcessorTimes& after, double units);

// Follows a process' resident memory from another thread, ten times a second.
class MemoryWatch {
 public:
  explicit MemoryWatch(pid_t pid);
  ~MemoryWatch();
  MemoryWatch(const MemoryWatch&) = delete;
  MemoryWatch& operator=(const MemoryWatch&) = delete;

  double largest_sample_mib() const { return static_cast<double>(largest_kib_.load()) / 1024; }

 private:
  std::atomic<std::int64_t> largest_kib_{0};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace vault::bench
