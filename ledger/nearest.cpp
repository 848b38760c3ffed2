#include "ledger/nearest.hpp"

#include <algorithm>
#include <vector>

namespace vault {
namespace {

constexpr std::size_t mistakes_max = 3;  // a guess farther away than this would mislead

template <class Text>
std::string_view find_nearest(std::string_view name, std::span<const Text> known) {
  std::string_view best;
  std::size_t fewest = std::min(mistakes_max, name.size() / 2) + 1;
  for (const Text& candidate : known) {
    const std::string_view text = candidate;
    const std::size_t longer = std::max(name.size(), text.size()), shorter = std::min(name.size(), text.size());
    if (longer - shorter >= fewest) continue;
    const std::size_t mistakes = count_mistakes(name, text);
    if (mistakes >= fewest) continue;
    fewest = mistakes;
    best = text;
  }
  return best;
}

}  // namespace

// Restricted Damerau-Levenshtein distance, keeping three rows of the table at a time.
std::size_t count_mistakes(std::string_view a, std::string_view b) {
  const std::size_t width = b.size() + 1;
  std::vector<std::size_t> rows(3 * width);
  const auto at = [&](std::size_t i, std::size_t j) -> std::size_t& { return rows[i % 3 * width + j]; };
  for (std::size_t j = 0; j <= b.size(); ++j) at(0, j) = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    at(i, 0) = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = at(i - 1, j - 1) + (a[i - 1] == b[j - 1] ? 0 : 1);
      std::size_t fewest = std::min({changed, at(i - 1, j) + 1, at(i, j - 1) + 1});
      const bool exchanged = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (exchanged) fewest = std::min(fewest, at(i - 2, j - 2) + 1);
      at(i, j) = fewest;
    }
  }
  return at(a.size(), b.size());
}

std::string_view nearest(std::string_view name, std::span<const std::string_view> known) {
  return find_nearest(name, known);
}

std::string_view nearest(std::string_view name, std::span<const std::string> known) {
  return find_nearest(name, known);
}

std::string describe_unknown_option(std::span<const std::string> rest, std::span<const std::string> known) {
  for (const std::string& word : rest) {
    const bool option = word.size() > 1 && word[0] == '-' && word != "--" && !(word[1] >= '0' && word[1] <= '9');
    if (!option) continue;
    const std::string name = word.substr(0, word.find_first_of("=:@ "));
    const std::string_view meant = nearest(name, known);
    return "unknown option " + name + (meant.empty() ? std::string() : "; did you mean " + std::string(meant) + "?");
  }
  return {};
}

}  // namespace vault
