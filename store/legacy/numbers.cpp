#include "store/legacy/numbers.hpp"

#include <charconv>
#include <cmath>
#include <system_error>

namespace vault {
namespace {

// Python's repr() writes exponents from 1e+16 on, and below 1e-04, as std::to_chars does.
constexpr std::size_t exponent_digits = 17;
constexpr double exponent_below = 1e-4;

std::string with_exponent(double value) {
  char buffer[40];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
  return std::string(buffer, end);
}

// "1.5e+16" -> "15000000000000000"; "" if it is not a whole number.
std::string without_exponent(std::string_view text) {
  const std::size_t e = text.find('e');
  int exponent = 0;
  const std::string_view power = text.substr(e + (text[e + 1] == '+' ? 2 : 1));
  std::from_chars(power.data(), power.data() + power.size(), exponent);
  std::string digits(text.substr(0, e));
  std::size_t after_point = 0;
  if (const std::size_t point = digits.find('.'); point != std::string::npos) {
    after_point = digits.size() - point - 1;
    digits.erase(point, 1);
  }
  if (exponent < 0 || static_cast<std::size_t>(exponent) < after_point) return {};
  return digits + std::string(static_cast<std::size_t>(exponent) - after_point, '0');
}

}  // namespace

std::vector<std::string> python_spellings(std::string_view literal) {
  const std::string kept(literal);
  double value = 0;
  const auto read = std::from_chars(literal.data(), literal.data() + literal.size(), value);
  if (read.ec != std::errc{} || literal.find_first_of("eE") != std::string_view::npos) return {kept};
  if (literal.find('.') != std::string_view::npos) {
    if (literal == "0.0") return {kept, "-0.0"};
    if (value != 0 && std::fabs(value) < exponent_below) return {with_exponent(value)};
    return {kept};
  }
  const std::size_t digits = literal.size() - (literal.front() == '-' ? 1 : 0);
  if (digits < exponent_digits) return {kept};
  std::string spelt = with_exponent(value);
  if (without_exponent(spelt) != literal) return {kept};
  return {kept, std::move(spelt)};
}

}  // namespace vault
