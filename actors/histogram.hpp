// Counts how often a figure had which size. Cheap enough for the sealing thread: a few nanoseconds per count.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "wire/message.hpp"

namespace vault {

// Inclusive upper bounds, ascending.
inline constexpr std::array<double, 14> bounds_seconds{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                       0.1,    0.25,  0.5,    1,     2.5,  5,     10};
inline constexpr std::array<double, 12> bounds_seals{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048};

class Histogram {
 public:
  static constexpr std::size_t bounds_max = 14;

  // `bounds` outlives it; at most bounds_max of them.
  explicit Histogram(std::span<const double> bounds) : bounds_(bounds) {}

  void observe(double value) {
    std::size_t at = 0;
    while (at < bounds_.size() && value > bounds_[at]) ++at;
    ++counts_[at];
    sum_ += value;
  }

  HistogramResult result() const {
    HistogramResult out;
    out.bounds.assign(bounds_.begin(), bounds_.end());
    std::int64_t so_far = 0;
    for (std::size_t i = 0; i <= bounds_.size(); ++i) out.counts.push_back(so_far += counts_[i]);
    out.sum = sum_;
    return out;
  }

 private:
  std::span<const double> bounds_;
  std::array<std::int64_t, bounds_max + 1> counts_{};  // not cumulative; the one after the bounds counts larger values
  double sum_ = 0;
};

}  // namespace vault
