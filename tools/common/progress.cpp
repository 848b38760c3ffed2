#include "tools/common/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdio>

#include "tools/common/display_width.hpp"
#include "tools/common/numbers.hpp"
#include "tools/common/table.hpp"

namespace vault::ctl {
namespace {

constexpr std::chrono::milliseconds redraw_interval{100};
constexpr std::size_t bar_columns_max = 30, bar_columns_min = 10;
constexpr double seconds_before_guess = 1;  // for the time left: before this, it would only flicker
constexpr std::string_view wipe = "\r\x1b[K";

std::string bar_of(double share, std::size_t columns) {
  const auto filled = static_cast<std::size_t>(share * static_cast<double>(columns));
  std::string bar;
  for (std::size_t i = 0; i < columns; ++i) bar += i < filled ? "█" : "░";
  return bar;
}

std::string left_of(std::int64_t seconds) {
  if (seconds < 60) return fmt::format("{} s left", seconds);
  if (seconds < 3'600) return fmt::format("{} min {} s left", seconds / 60, seconds % 60);
  return fmt::format("{} h {} min left", seconds / 3'600, seconds / 60 % 60);
}

// If Ctrl-C ended the process with a bar on the line, the prompt would appear behind it.
void wipe_on_interrupt() {
  struct sigaction before {};
  ::sigaction(SIGINT, nullptr, &before);
  if (before.sa_handler != SIG_DFL) return;  // a handler ends the command in good order, and calls finish()
  struct sigaction action {};
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  action.sa_handler = [](int signal) {
    (void)!::write(STDERR_FILENO, wipe.data(), wipe.size());
    ::raise(signal);
  };
  ::sigaction(SIGINT, &action, nullptr);
}

}  // namespace

std::string describe_duration(std::chrono::milliseconds duration) {
  const auto ms = duration.count();
  if (ms < 1'000) return fmt::format("{} ms", ms);
  if (ms < 60'000) return fmt::format("{:.1f} s", static_cast<double>(ms) / 1'000);
  if (ms < 3'600'000) return fmt::format("{} min {} s", ms / 60'000, ms / 1'000 % 60);
  if (ms < 86'400'000) return fmt::format("{} h {} min", ms / 3'600'000, ms / 60'000 % 60);
  return fmt::format("{} d {} h", ms / 86'400'000, ms / 3'600'000 % 24);
}

std::string show_seconds(std::chrono::seconds seconds) {
  if (seconds.count() < 1) return "less than a second";
  return seconds < std::chrono::minutes(1) ? std::to_string(seconds.count()) + " s" : describe_duration(seconds);
}

std::string progress_line(const Progress& progress, std::size_t columns) {
  std::optional<double> share = progress.share;
  if (!share && progress.total > 0) share = static_cast<double>(progress.done) / static_cast<double>(progress.total);
  const std::string count = with_thousands(progress.done) +
                            (progress.total > 0 ? " of " + with_thousands(progress.total) : "") + " " + progress.unit;
  const std::string percent =
      share ? fmt::format("{:3.0f} %", std::floor(std::clamp(*share, 0.0, 1.0) * 100)) : std::string();
  const std::string left = progress.left_s ? left_of(*progress.left_s) : std::string();
  const std::string rate = with_thousands(static_cast<std::uint64_t>(progress.per_second)) + " " + progress.unit + "/s";
  const auto line = [&](std::size_t bar, bool with_rate, bool with_left, bool with_count) {
    std::string text = progress.label;
    if (share && bar > 0) text += " " + bar_of(std::clamp(*share, 0.0, 1.0), bar);
    if (share) text += " " + percent;
    if (with_count) text += "  " + count;
    if (with_rate) text += "  " + rate;
    if (with_left && !left.empty()) text += "  " + left;
    return text;
  };
  // One column stays free: on some terminals, a cursor behind the last column wraps the line.
  const std::size_t room = columns > 1 ? columns - 1 : 1;
  const auto fits = [&](const std::string& text) { return display_width(text) <= room; };
  struct Kept {
    bool rate, left, count;
  };
  for (const Kept kept : {Kept{true, true, true}, Kept{false, true, true}, Kept{false, false, true}, Kept{}}) {
    for (std::size_t bar = bar_columns_max; bar >= bar_columns_min; bar -= 2) {
      if (std::string text = line(bar, kept.rate, kept.left, kept.count); fits(text)) return text;
    }
  }
  return cut_to_columns(line(0, false, false, !share), room);
}

ProgressBar::ProgressBar(std::string label, bool enabled)
    : label_(std::move(label)),
      enabled_(enabled && ::isatty(STDERR_FILENO) == 1),
      started_(std::chrono::steady_clock::now()),
      last_(started_) {}

void ProgressBar::update(std::uint64_t done, std::uint64_t total, std::string_view unit) {
  draw(done, total, std::nullopt, unit);
}

void ProgressBar::update_share(std::uint64_t done, double share, std::string_view unit) {
  draw(done, 0, share, unit);
}

void ProgressBar::draw(std::uint64_t done, std::uint64_t total, std::optional<double> share, std::string_view unit) {
  const auto now = std::chrono::steady_clock::now();
  if (!enabled_ || now - last_ < redraw_interval) return;  // anything done within 100 ms needs no bar
  last_ = now;
  if (!drawn_) wipe_on_interrupt();
  drawn_ = true;
  const double seconds = std::chrono::duration<double>(now - started_).count();
  Progress progress{label_, done, total, share, std::string(unit)};
  progress.per_second = static_cast<double>(done) / std::max(seconds, 0.001);
  if (!share && total > 0) share = static_cast<double>(done) / static_cast<double>(total);
  if (share && *share > 0 && *share < 1 && seconds >= seconds_before_guess) {
    progress.left_s = static_cast<std::int64_t>(std::ceil(seconds * (1 - *share) / *share));
  }
  const std::string line = "\r" + progress_line(progress, terminal_columns(STDERR_FILENO).value_or(80)) + "\x1b[K";
  std::fwrite(line.data(), 1, line.size(), stderr);
}

void ProgressBar::finish() {
  if (drawn_) std::fwrite(wipe.data(), 1, wipe.size(), stderr);
  drawn_ = false;
}

}  // namespace vault::ctl
