#include "tools/bench/process_stats.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

namespace vault::bench {
namespace {

namespace fs = std::filesystem;

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::int64_t status_kib(pid_t pid, const std::string& member) {
  std::istringstream status(read_file(fmt::format("/proc/{}/status", pid)));
  std::string line;
  while (std::getline(status, line)) {
    if (line.starts_with(member + ":")) return std::atoll(line.c_str() + member.size() + 1);
  }
  return 0;
}

struct Stat {
  std::string name;
  pid_t parent = 0;
  double seconds = 0;
};

// proc(5): pid (comm) state ppid ... utime and stime are fields 14 and 15.
Stat read_stat(const std::string& path) {
  const std::string text = read_file(path);
  const auto open = text.find('(');
  const auto close = text.rfind(')');
  if (open == std::string::npos || close == std::string::npos) return {};
  Stat stat;
  stat.name = text.substr(open + 1, close - open - 1);
  std::istringstream rest(text.substr(close + 1));
  std::string state, skipped;
  rest >> state >> stat.parent;
  for (int field = 5; field < 14; ++field) rest >> skipped;
  double user = 0, system = 0;
  rest >> user >> system;
  stat.seconds = (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
  return stat;
}

void add_threads(pid_t pid, const std::string& process, ProcessorTimes& times) {
  std::error_code gone;
  for (const auto& task : fs::directory_iterator(fmt::format("/proc/{}/task", pid), gone)) {
    const Stat stat = read_stat(task.path().string() + "/stat");
    times[process + "/" + stat.name] += stat.seconds;
  }
}

bool is_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

bool descends_from(pid_t pid, pid_t ancestor, const std::map<pid_t, Stat>& processes) {
  for (auto found = processes.find(pid); found != processes.end(); found = processes.find(found->second.parent)) {
    if (found->second.parent == ancestor) return true;
  }
  return false;
}

void add_postgres(ProcessorTimes& times) {
  std::map<pid_t, Stat> processes;
  std::error_code gone;
  for (const auto& entry : fs::directory_iterator("/proc", gone)) {
    const std::string name = entry.path().filename().string();
    if (is_number(name)) processes[std::atoi(name.c_str())] = read_stat(entry.path().string() + "/stat");
  }
  for (const auto& [pid, stat] : processes) {
    if (stat.name != "postgres" || !descends_from(pid, getpid(), processes)) continue;
    const bool backend = read_file(fmt::format("/proc/{}/cmdline", pid)).find("[local]") != std::string::npos;
    times[backend ? backend_processes : "postgres background"] += stat.seconds;
  }
}

}  // namespace

double resident_mib(pid_t pid) {
  return static_cast<double>(status_kib(pid, "VmRSS")) / 1024;
}

double peak_resident_mib(pid_t pid) {
  return static_cast<double>(status_kib(pid, "VmHWM")) / 1024;
}

ProcessorTimes processor_times(pid_t vaultd) {
  ProcessorTimes times;
  times["vault-bench"] = read_stat(fmt::format("/proc/{}/stat", getpid())).seconds;
  add_threads(vaultd, "vaultd", times);
  add_postgres(times);
  return times;
}

std::map<std::string, double> micros_per_unit(const ProcessorTimes& before, const ProcessorTimes& after, double units) {
  std::map<std::string, double> used;
  for (const auto& [name, seconds] : after) {
    const auto earlier = before.find(name);
    const double micros = (seconds - (earlier == before.end() ? 0 : earlier->second)) * 1e6 / units;
    if (micros > 0.05) used[name] = micros;
  }
  return used;
}

MemoryWatch::MemoryWatch(pid_t pid)
    : thread_([this, pid] {
        while (!stop_) {
          const std::int64_t now_kib = status_kib(pid, "VmRSS");
          if (now_kib > largest_kib_) largest_kib_ = now_kib;
          std::this_thread::sleep_for(std::chrono::milliseconds{100});
        }
      }) {}

MemoryWatch::~MemoryWatch() {
  stop_ = true;
  thread_.join();
}

}  // namespace vault::bench
