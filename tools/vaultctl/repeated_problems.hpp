// Problems of many lines on stderr: each is reported once, with the line where it first occurred, and at the end how
// often it was repeated. A thousand seals that run into the same timeout are one problem, not a thousand.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace vault::ctl {

class RepeatedProblems {
 public:
  // The text to print now: empty if it has been reported already, or so many others have that only a count is kept.
  std::string add(std::size_t line, const std::string& text);
  // The sentences to print at the end, one per element.
  std::vector<std::string> finish() const;

 private:
  struct Again {
    std::size_t first = 0, last = 0, count = 0;  // without the reported one
  };
  std::map<std::string, Again> told_;
  Again untold_;
};

}  // namespace vault::ctl
