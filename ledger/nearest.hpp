// Finds the name that somebody who misspelt it probably meant. Pure.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vault {

// Number of characters to insert, delete, change or exchange with a neighbour to turn `a` into `b`. Cost: the product
// of their sizes.
std::size_t count_mistakes(std::string_view a, std::string_view b);

// The member of `known` that `name` is a likely misspelling of; "" if none is near. Exchanging two neighbours and
// inserting, deleting or changing one character count as one mistake each; at least half of `name` must be right.
std::string_view nearest(std::string_view name, std::span<const std::string_view> known);
std::string_view nearest(std::string_view name, std::span<const std::string> known);

// Describes an unexpected option: `rest` holds the arguments that the parser did not expect, and `known` the options:
// "unknown option --reders; did you mean --readers?". Never shows values. "" if `rest` holds no option.
std::string describe_unknown_option(std::span<const std::string> rest, std::span<const std::string> known);

// The same for a CLI::App that has refused a command line. A template, so that nothing here needs CLI11.
template <class App>
std::string describe_unknown_option(const App& app) {
  std::vector<std::string> known;
  for (const auto* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
  }
  return describe_unknown_option(app.remaining(), known);
}

}  // namespace vault
