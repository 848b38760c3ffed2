#include "ledger/raw_time.hpp"

#include <charconv>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>

namespace vault {
namespace {

constexpr std::int64_t micros_a_second = 1'000'000;
constexpr double seconds_max = 253'402'300'800.0;  // the end of year 9999

std::optional<Timestamp> from_unix(std::string_view literal) {
  double seconds = 0;
  const auto [end, error] = std::from_chars(literal.data(), literal.data() + literal.size(), seconds);
  if (error != std::errc{} || end != literal.data() + literal.size()) return std::nullopt;
  if (!(seconds >= 0 && seconds < seconds_max)) return std::nullopt;
  return Timestamp{std::llround(seconds * static_cast<double>(micros_a_second))};
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

// Takes leading digits, cut or padded to six: microseconds.
std::string take_fraction(std::string_view& text) {
  std::string digits;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    if (digits.size() < 6) digits.push_back(text.front());
    text.remove_prefix(1);
  }
  digits.resize(6, '0');
  return digits;
}

// "", "Z", "+08:00", "+0800", "-03"; in minutes.
std::optional<int> offset_minutes(std::string_view text) {
  if (text.empty() || text == "Z" || text == "z") return 0;
  const int sign = text.front() == '+' ? 1 : text.front() == '-' ? -1 : 0;
  text.remove_prefix(1);
  std::string digits;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ':' && i == 2) continue;
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    digits.push_back(text[i]);
  }
  if (sign == 0 || (digits.size() != 2 && digits.size() != 4)) return std::nullopt;
  digits.resize(4, '0');
  const int number = std::stoi(digits);
  return sign * (number / 100 * 60 + number % 100);
}

}  // namespace

std::optional<Timestamp> raw_time(std::string_view json) {
  if (json.empty()) return std::nullopt;
  if (json.front() != '"') return from_unix(json);
  if (json.size() < 18) return std::nullopt;
  std::string_view text = json.substr(1, json.size() - 2);  // timestamps contain no escapes
  // YYYY-MM-DDTHH:MM, then seconds, fraction and offset if present.
  std::string strict(text.substr(0, 16));
  if (strict.size() < 16 || (strict[10] != 'T' && strict[10] != ' ')) return std::nullopt;
  strict[10] = 'T';
  text.remove_prefix(16);
  std::string seconds = ":00", fraction = "000000";
  if (take(text, ':')) {
    if (text.size() < 2) return std::nullopt;
    seconds = ":" + std::string(text.substr(0, 2));
    text.remove_prefix(2);
    if (take(text, '.') || take(text, ',')) fraction = take_fraction(text);
  }
  const auto offset = offset_minutes(text);
  const auto instant = parse_timestamp(strict + seconds + "." + fraction + "Z");
  if (!offset || !instant) return std::nullopt;
  return Timestamp{instant->micros - std::int64_t{*offset} * 60 * micros_a_second};
}

}  // namespace vault
