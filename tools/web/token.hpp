// The token that gives access to the page's reads.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "ledger/bytes.hpp"
#include "ledger/result.hpp"

namespace vault::web {

class Token {
 public:
  static constexpr std::size_t bytes_min = 32;

  // `text`: at least bytes_min bytes without blanks. Kept as its hash, so that comparing reveals nothing about it.
  explicit Token(std::string_view text);

  // Compares the value of an Authorization header, or an empty one. Takes the same time for all values of one length.
  bool matches(std::string_view authorization) const;

 private:
  Hash hash_;
};

// Errors: invalid_argument (too short, blanks inside), forbidden or not_found (cannot be read, others may read it).
Result<Token> read_token(const std::string& path);

// Reads the token at `path`, or draws one and stores it there first (mode 0640, group `group` unless that is -1).
// Error: forbidden if it cannot be made.
Result<Token> read_or_make_token(const std::string& path, int group);

}  // namespace vault::web
