#include "tools/vaultctl/repeated_problems.hpp"

#include "tools/common/numbers.hpp"

namespace vault::ctl {
namespace {

constexpr std::size_t kinds_shown_max = 20;

}  // namespace

std::string RepeatedProblems::add(std::size_t line, const std::string& text) {
  const auto found = told_.find(text);
  if (found == told_.end() && told_.size() < kinds_shown_max) {
    told_[text];
    return "line " + with_thousands(line) + ": " + text;
  }
  Again& again = found == told_.end() ? untold_ : found->second;
  if (again.count++ == 0) again.first = line;
  again.last = line;
  return "";
}

std::vector<std::string> RepeatedProblems::finish() const {
  std::vector<std::string> sentences;
  const auto tell = [&](const Again& again, const std::string& what) {
    if (again.count == 0) return;
    std::string where = "line " + with_thousands(again.first);
    if (again.count > 1) {
      where = with_thousands(again.count) + " more lines, " + with_thousands(again.first) + " to " +
              with_thousands(again.last);
    }
    sentences.push_back(where + ": " + what);
  };
  for (const auto& [text, again] : told_) tell(again, again.count == 1 ? text : "the same: " + text);
  tell(untold_, "other problems; each is in the output");
  return sentences;
}

}  // namespace vault::ctl
