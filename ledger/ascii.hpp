// ASCII character classes, independent of the locale. (<cctype> consults the locale and is undefined for negative
// chars.)
#pragma once

namespace vault {

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace vault
