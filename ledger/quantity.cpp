#include "ledger/quantity.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <string>

#include "ledger/ascii.hpp"

namespace vault {
namespace {

constexpr std::int64_t second_ms = 1'000, minute_ms = 60 * second_ms, hour_ms = 60 * minute_ms, day_ms = 24 * hour_ms,
                       week_ms = 7 * day_ms;
constexpr std::int64_t duration_max_ms = 36'525 * day_ms;
constexpr std::int64_t size_max = std::int64_t{1} << 62;
constexpr std::size_t digits_max = 15;  // a double holds this many exactly

struct Unit {
  std::string_view name;
  std::int64_t factor;
};

constexpr std::array duration_units{Unit{"ms", 1},
                                    Unit{"millisecond", 1},
                                    Unit{"milliseconds", 1},
                                    Unit{"s", second_ms},
                                    Unit{"sec", second_ms},
                                    Unit{"secs", second_ms},
                                    Unit{"second", second_ms},
                                    Unit{"seconds", second_ms},
                                    Unit{"m", minute_ms},
                                    Unit{"min", minute_ms},
                                    Unit{"mins", minute_ms},
                                    Unit{"minute", minute_ms},
                                    Unit{"minutes", minute_ms},
                                    Unit{"h", hour_ms},
                                    Unit{"hour", hour_ms},
                                    Unit{"hours", hour_ms},
                                    Unit{"d", day_ms},
                                    Unit{"day", day_ms},
                                    Unit{"days", day_ms},
                                    Unit{"w", week_ms},
                                    Unit{"week", week_ms},
                                    Unit{"weeks", week_ms}};

constexpr std::int64_t kilo = 1'000, kibi = 1'024;
constexpr std::array size_units{Unit{"", 1},
                                Unit{"b", 1},
                                Unit{"kib", kibi},
                                Unit{"mib", kibi* kibi},
                                Unit{"gib", kibi* kibi* kibi},
                                Unit{"tib", kibi* kibi* kibi* kibi},
                                Unit{"kb", kilo},
                                Unit{"mb", kilo* kilo},
                                Unit{"gb", kilo* kilo* kilo},
                                Unit{"tb", kilo* kilo* kilo* kilo}};

void skip_blanks(std::string_view& text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
}

struct Number {
  double value = 0;
  bool whole = true;
};

// Takes a number, digits with at most one point between them, off the front of `text`.
std::optional<Number> take_number(std::string_view& text) {
  Number number;
  std::size_t digits = 0;
  double scale = 1;
  while (!text.empty() && (is_digit(text.front()) || (text.front() == '.' && number.whole && digits > 0))) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c == '.') {
      number.whole = false;
      if (text.empty() || !is_digit(text.front())) return std::nullopt;
      continue;
    }
    if (++digits > digits_max) return std::nullopt;
    number.value = number.value * 10 + (c - '0');
    if (!number.whole) scale *= 10;
  }
  if (digits == 0) return std::nullopt;
  number.value /= scale;
  return number;
}

std::string take_word(std::string_view& text) {
  std::string word;
  while (!text.empty() && !is_digit(text.front()) && text.front() != ' ') {
    const char c = text.front();
    word += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    text.remove_prefix(1);
  }
  return word;
}

template <std::size_t N>
std::optional<std::int64_t> factor_of(const std::array<Unit, N>& units, std::string_view name) {
  for (const Unit& unit : units) {
    if (unit.name == name) return unit.factor;
  }
  return std::nullopt;
}

std::optional<std::chrono::milliseconds> parse_units(std::string_view text, std::optional<std::int64_t> unit_of_one) {
  double total = 0;
  std::int64_t before = INT64_MAX;  // the previous unit
  bool whole = true;
  if (text.empty() || text.front() == ' ' || text.back() == ' ') return std::nullopt;
  while (!text.empty()) {
    const auto number = take_number(text);
    if (!number || !whole) return std::nullopt;
    skip_blanks(text);
    const std::string unit = take_word(text);
    const bool alone = unit.empty() && text.empty() && before == INT64_MAX;
    const auto factor = alone ? unit_of_one : factor_of(duration_units, unit);
    if (!factor || *factor >= before) return std::nullopt;
    skip_blanks(text);
    before = *factor;
    whole = number->whole;
    total += number->value * static_cast<double>(*factor);
    if (total > static_cast<double>(duration_max_ms)) return std::nullopt;
  }
  return std::chrono::milliseconds(std::llround(total));
}

}  // namespace

std::optional<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  return parse_units(text, second_ms);
}

std::string format_duration(std::chrono::milliseconds duration) {
  const std::int64_t ms = duration.count();
  if (ms > 0 && ms % hour_ms == 0) return std::to_string(ms / hour_ms) + "h";
  if (ms > 0 && ms % second_ms == 0) return std::to_string(ms / second_ms) + "s";
  return std::to_string(ms) + "ms";
}

std::optional<std::chrono::milliseconds> parse_age(std::string_view text) {
  return parse_units(text, std::nullopt);
}

std::optional<std::int64_t> parse_size(std::string_view text) {
  if (!text.empty() && text.back() == ' ') return std::nullopt;
  const auto number = take_number(text);
  if (!number) return std::nullopt;
  skip_blanks(text);
  const auto factor = factor_of(size_units, take_word(text));
  if (!factor || !text.empty()) return std::nullopt;
  const double bytes = number->value * static_cast<double>(*factor);
  if (bytes > static_cast<double>(size_max) || bytes != std::floor(bytes)) return std::nullopt;
  return static_cast<std::int64_t>(bytes);
}

}  // namespace vault
