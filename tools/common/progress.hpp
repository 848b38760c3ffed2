// A progress line on stderr: only on a terminal, never wider than it, redrawn a few times a second, wiped when done,
// and also if Ctrl-C ends the process.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace vault::ctl {

// Seconds, minutes and the like for people: "850 ms", "12.3 s", "4 min 5 s".
std::string describe_duration(std::chrono::milliseconds duration);
// The same for a time known to the second: "less than a second", "31 s".
std::string show_seconds(std::chrono::seconds seconds);

struct Progress {
  std::string label;              // "verifying"
  std::uint64_t done = 0;         // this many of `unit`
  std::uint64_t total = 0;        // 0: unknown
  std::optional<double> share{};  // of everything, if `total` is unknown: 0 to 1
  std::string unit = "entries";
  double per_second = 0;                 // of `unit`
  std::optional<std::int64_t> left_s{};  // estimated seconds left
};
// The line, at most `columns` wide: first the bar is shortened, then the least important parts are left out.
std::string progress_line(const Progress& progress, std::size_t columns);

class ProgressBar {
 public:
  // `enabled` false: draws nothing (stdout is the same terminal, --json).
  ProgressBar(std::string label, bool enabled);
  ~ProgressBar() { finish(); }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // `total` 0: unknown, only a count is shown. `unit` is what is counted.
  void update(std::uint64_t done, std::uint64_t total, std::string_view unit = "entries");
  // For progress without a count: a file has been read to `share` (0 to 1).
  void update_share(std::uint64_t done, double share, std::string_view unit);
  void finish();

 private:
  void draw(std::uint64_t done, std::uint64_t total, std::optional<double> share, std::string_view unit);

  std::string label_;
  bool enabled_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point started_;
  std::chrono::steady_clock::time_point last_;
};

}  // namespace vault::ctl
