// The token that opens the page's reads.
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

  // `text`: at least bytes_min bytes without blanks. Kept as its hash, so that comparing tells nothing of it.
  explicit Token(std::string_view text);

  // The value of an Authorization header, or empty. In constant time for every value of one length.
  bool matches(std::string_view authorization) const;

 private:
  Hash hash_;
};

// Errors: invalid_argument (too short, blanks inside), forbidden or not_found (cannot be read, others may read it).
Result<Token> read_token(const std::string& path);

// Reads the token at `path`, or draws one and puts it there first (mode 0640, group `group` where it is not -1).
// Error: forbidden where it cannot be made.
Result<Token> read_or_make_token(const std::string& path, int group);

}  // namespace vault::web
