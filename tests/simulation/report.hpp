// What a simulation tells about itself: the last events before a failure, and what has happened at all.
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

// How often each thing worth testing has happened, over all seeds.
using Coverage = std::map<std::string, std::int64_t>;

// The last lines, for people who look into a failure. With VAULT_SIM_TRACE in the environment all of them, at once.
class Trace {
 public:
  void add(Micros now, std::string line) {
    if (lines_.size() >= lines_max) lines_.pop_front();
    if (echo_) std::fprintf(stderr, "%lld ms  %s\n", static_cast<long long>(now / millisecond), line.c_str());
    lines_.emplace_back(now, std::move(line));
  }
  std::string text() const {
    std::string out;
    for (const auto& [at, line] : lines_) out += "  " + std::to_string(at / 1'000) + " ms  " + line + "\n";
    return out;
  }

 private:
  static constexpr std::size_t lines_max = 80;
  bool echo_ = std::getenv("VAULT_SIM_TRACE") != nullptr;
  std::deque<std::pair<Micros, std::string>> lines_;
};

}  // namespace vault::sim
