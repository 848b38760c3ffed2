// Problems of many lines on stderr: each is told once with the line where it was met first, and at the end how often it
// came again. A thousand seals that run into the same timeout are one trouble, not a thousand.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace vault::ctl {

class RepeatedProblems {
 public:
  // What to print now: nothing where this text has been told already, or so much else has that only a count is kept.
  std::string add(std::size_t line, const std::string& text);
  // What is to be said at the end, one sentence an element.
  std::vector<std::string> finish() const;

 private:
  struct Again {
    std::size_t first = 0, last = 0, count = 0;  // without the one that was told
  };
  std::map<std::string, Again> told_;
  Again untold_;
};

}  // namespace vault::ctl
