// The output of `vaultctl top`, computed from two answers of `status`. Pure, except for colours.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace vault::ctl {

// One observation of a vaultd.
struct TopSample {
  std::chrono::steady_clock::time_point at;
  nlohmann::ordered_json status;            // the `result` map; null if it did not answer
  std::chrono::microseconds answered_in{};  // how long the answer took
  std::string problem{};                    // why it did not answer
};

// Entries a second between two samples; nullopt if that is unknown (no answer, vaultd was restarted).
std::optional<double> sealed_per_second(const TopSample& before, const TopSample& now);

class TopScreen {
 public:
  explicit TopScreen(std::string endpoint) : endpoint_(std::move(endpoint)) {}

  void add(TopSample sample);
  // A screen of at most `columns`, lines with line ends. Alerts come first.
  std::string text(std::size_t columns, bool coloured) const;
  // The newest sample as one line, for a pipe, and its line of headings.
  std::string line() const;
  static std::string heading();

 private:
  std::string endpoint_;
  std::deque<TopSample> samples_;  // oldest first, bounded
};

}  // namespace vault::ctl
