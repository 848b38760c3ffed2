// Output of a simulation: the last events before a failure, and counts of everything that has happened.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>

#include "tests/simulation/random.hpp"

namespace vault::sim {

// An invariant does not hold.
class Violation : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};
inline void require(bool holds, const char* what) {
  if (!holds) throw Violation(what);
}
inline void require(bool holds, const std::string& what) {
  if (!holds) throw Violation(what);
}

// How often each interesting event has happened, over all seeds.
using Coverage = std::map<std::string, std::int64_t>;

// The last lines, for people who investigate a failure. With VAULT_SIM_TRACE in the environment, all of them at once.
class Trace {
 public:
  // A message from one actor to another; formatted only if somebody reads it.
  void add_delivery(Micros now, int vaultd, std::string (*name_of)(std::size_t), std::size_t from, std::size_t to,
                    const char* message) {
    if (echo_) return add(now, describe({now, {}, vaultd, name_of, from, to, message}));
    if (lines_.size() >= lines_max) lines_.pop_front();
    lines_.push_back({now, {}, vaultd, name_of, from, to, message});
  }
  void add(Micros now, std::string line) {
    if (lines_.size() >= lines_max) lines_.pop_front();
    if (echo_) std::fprintf(stderr, "%lld ms  %s\n", static_cast<long long>(now / millisecond), line.c_str());
    lines_.push_back({now, std::move(line), 0, nullptr, 0, 0, nullptr});
  }
  std::string text() const {
    std::string out;
    for (const Line& line : lines_)
      out += "  " + std::to_string(line.at / millisecond) + " ms  " + describe(line) + "\n";
    return out;
  }

 private:
  struct Line {
    Micros at = 0;
    std::string text;
    int vaultd = 0;
    std::string (*name_of)(std::size_t) = nullptr;
    std::size_t from = 0, to = 0;
    const char* message = nullptr;
  };
  static std::string describe(const Line& line) {
    if (!line.message) return line.text;
    return "vaultd-" + std::to_string(line.vaultd) + " " + line.name_of(line.from) + " -> " + line.name_of(line.to) +
           " " + line.message;
  }

  static constexpr std::size_t lines_max = 80;
  bool echo_ = std::getenv("VAULT_SIM_TRACE") != nullptr;
  std::deque<Line> lines_;
};

}  // namespace vault::sim
