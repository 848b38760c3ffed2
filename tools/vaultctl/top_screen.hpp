// What `vaultctl top` shows: two answers of `status` and what lies between them. Pure, but for colours.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace vault::ctl {

// One look at a vaultd.
struct TopSample {
  std::chrono::steady_clock::time_point at;
  nlohmann::ordered_json status;            // the `result` map; null where it did not answer
  std::chrono::microseconds answered_in{};  // how long the question took
  std::string problem{};                    // why it did not answer
};

// Entries a second between two samples; nullopt where it cannot be told (no answer, another run of vaultd).
std::optional<double> sealed_per_second(const TopSample& before, const TopSample& now);

class TopScreen {
 public:
  explicit TopScreen(std::string endpoint) : endpoint_(std::move(endpoint)) {}

  void add(TopSample sample);
  // A screen of at most `columns`, lines with line ends. Alerts come first.
  std::string text(std::size_t columns, bool coloured) const;
  // The newest sample as one line, for a pipe: and the line of its headings.
  std::string line() const;
  static std::string heading();

 private:
  std::string endpoint_;
  std::deque<TopSample> samples_;  // oldest first, bounded
};

}  // namespace vault::ctl
