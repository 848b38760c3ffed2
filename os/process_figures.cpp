#include "os/process_figures.hpp"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <sstream>
#include <vector>

namespace vault {
namespace {

// Positions of fields of /proc/PID/stat after the program's name (proc(5), fields 3 and on).
constexpr std::size_t user_ticks = 11, system_ticks = 12, threads = 17, start_ticks = 19, virtual_bytes = 20,
                      resident_pages = 21, fields = 22;

std::vector<double> read_stat() {
  std::ifstream file("/proc/self/stat");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::istringstream rest(text.substr(text.rfind(')') + 1));
  std::string state;
  rest >> state;
  std::vector<double> out{0};
  for (double number = 0; rest >> number;) out.push_back(number);
  return out;
}

double boot_time() {
  std::ifstream file("/proc/stat");
  for (std::string word; file >> word;) {
    double seconds = 0;
    if (word == "btime" && file >> seconds) return seconds;
  }
  return 0;
}

double count_descriptors() {
  DIR* directory = ::opendir("/proc/self/fd");
  if (directory == nullptr) return -1;
  double count = -3;  // minus ".", "..", and the descriptor of this listing
  while (::readdir(directory) != nullptr) ++count;
  ::closedir(directory);
  return count;
}

}  // namespace

std::map<std::string, double> process_figures() {
  std::map<std::string, double> out;
  if (const auto stat = read_stat(); stat.size() >= fields) {
    const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
    out["process_cpu_seconds_total"] = (stat[user_ticks] + stat[system_ticks]) / ticks;
    out["process_threads"] = stat[threads];
    out["process_virtual_memory_bytes"] = stat[virtual_bytes];
    out["process_resident_memory_bytes"] = stat[resident_pages] * static_cast<double>(::sysconf(_SC_PAGESIZE));
    static const double booted = boot_time();
    if (booted > 0) out["process_start_time_seconds"] = booted + stat[start_ticks] / ticks;
  }
  if (const double open = count_descriptors(); open >= 0) out["process_open_fds"] = open;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) out["process_max_fds"] = static_cast<double>(limit.rlim_cur);
  return out;
}

}  // namespace vault
