// What somebody may have meant who misspelt a name. Pure.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vault {

// Characters to insert, leave out, change or exchange with a neighbour until `a` is `b`. Cost: the product of their
// sizes.
std::size_t count_mistakes(std::string_view a, std::string_view b);

// Of `known` the one that `name` is a likely misspelling of; "" where none is near. Exchanging two neighbours, and
// inserting, leaving out or changing one character, count one each; of `name` itself at least half must be right.
std::string_view nearest(std::string_view name, std::span<const std::string_view> known);
std::string_view nearest(std::string_view name, std::span<const std::string> known);

// Of a command line, `rest` is what nobody expected, and `known` the options: "unknown option --reders; did you mean
// --readers?". Says nothing of values. "" where no option is in `rest`.
std::string describe_unknown_option(std::span<const std::string> rest, std::span<const std::string> known);

// The same of a CLI::App that has refused a command line. A template, so that nothing here needs CLI11.
template <class App>
std::string describe_unknown_option(const App& app) {
  std::vector<std::string> known;
  for (const auto* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
  }
  return describe_unknown_option(app.remaining(), known);
}

}  // namespace vault
