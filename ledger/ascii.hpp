// ASCII characters, whatever the locale: <cctype> asks it, and has no meaning for negative chars.
#pragma once

namespace vault {

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace vault
