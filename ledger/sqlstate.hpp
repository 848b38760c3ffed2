// SQLSTATE: the five characters by which a database server names an error (PostgreSQL, appendix A). Five bytes and no
// allocation, because every Error carries one, and most errors arise without a database.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace vault {

class SqlState {
 public:
  // Empty: no server reported an error.
  constexpr SqlState() = default;
  // Empty if `text` does not have five characters.
  constexpr SqlState(std::string_view text) {  // NOLINT(google-explicit-constructor): it is that text
    if (text.size() == characters_.size()) std::copy(text.begin(), text.end(), characters_.begin());
  }

  constexpr bool empty() const { return characters_[0] == '\0'; }
  constexpr std::string_view text() const { return {characters_.data(), empty() ? 0 : characters_.size()}; }

  friend bool operator==(const SqlState&, const SqlState&) = default;
  friend bool operator==(const SqlState& a, std::string_view b) { return a.text() == b; }

 private:
  std::array<char, 5> characters_{};
};

}  // namespace vault
